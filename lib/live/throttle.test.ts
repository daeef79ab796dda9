import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { throttle } from './throttle.ts';

test('the first value goes out at once, the newest of the rest after the interval', async () => {
  const seen: number[] = [];
  const limited = throttle<number>(100, (value) => seen.push(value));
  for (let i = 1; i <= 50; i++) limited.push(i);
  expect(seen).toEqual([1]);
  await sleep(150);
  expect(seen).toEqual([1, 50]);
});

test('two hundred values in a second make no more than the interval allows', async () => {
  const seen: number[] = [];
  const limited = throttle<number>(250, (value) => seen.push(value));
  const started = performance.now();
  for (let i = 0; i < 200; i++) {
    limited.push(i);
    await sleep(5);
  }
  limited.flush();
  expect(seen.length).toBeGreaterThanOrEqual(3);
  // One at once, one for each interval that began since, and the flush.
  expect(seen.length).toBeLessThanOrEqual(2 + Math.ceil((performance.now() - started) / 250));
  expect(seen.at(-1)).toBe(199);
});

test('nothing comes after stop', async () => {
  const seen: number[] = [];
  const limited = throttle<number>(50, (value) => seen.push(value));
  limited.push(1);
  limited.push(2);
  limited.stop();
  limited.push(3);
  limited.flush();
  await sleep(100);
  expect(seen).toEqual([1]);
});
