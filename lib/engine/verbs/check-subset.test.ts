import { expect, test } from 'vitest';
import { parseSubset } from './check-subset.ts';

test.each(['0/3', '4/3', '1/257', '0%', '101%', 'x', '', '0', '5Q'])('"%s" is no part of the data', (text) => {
  expect(() => parseSubset(text)).toThrow('is no part of the data');
});

test("restic's words for a part of the data are understood", () => {
  expect(parseSubset('2/7')).toEqual({ kind: 'part', part: 2, of: 7 });
  expect(parseSubset('2.5%')).toEqual({ kind: 'share', percent: 2.5 });
  expect(parseSubset('10m')).toEqual({ kind: 'bytes', bytes: 10 << 20 });
});
