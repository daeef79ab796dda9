import { expect, test } from 'vitest';
import { partsInSight } from './entry-parts.ts';

test('an unknown folder begins with its first part', () => {
  expect(partsInSight(0, 0, 250, 0)).toEqual([0]);
});

test('only what is in sight is read, wherever that is', () => {
  expect(partsInSight(50_010, 50_040, 250, 100_000)).toEqual([200]);
  expect(partsInSight(240, 260, 250, 100_000)).toEqual([0, 1]);
});

test('the next part is read before its rows come into sight', () => {
  expect(partsInSight(130, 160, 250, 100_000)).toEqual([0, 1]);
  expect(partsInSight(10, 40, 250, 100_000)).toEqual([0]);
});

test('nothing is read beyond the end', () => {
  expect(partsInSight(240, 300, 250, 251)).toEqual([0, 1]);
  expect(partsInSight(200, 249, 250, 250)).toEqual([0]);
});
