import { expect, test } from 'vitest';
import { byteTicks } from './growth-chart.tsx';

const MIB = 1024 * 1024;

test('ticks are round figures of the unit that is shown, and reach above the highest value', () => {
  expect(byteTicks(238 * MIB).map((tick) => tick / MIB)).toEqual([0, 100, 200, 300]);
  expect(byteTicks(900 * MIB).map((tick) => tick / MIB)).toEqual([0, 250, 500, 750, 1000]);
  expect(byteTicks(3 * MIB).map((tick) => tick / MIB)).toEqual([0, 1, 2, 3]);
});

test('there are never more than six of them, and an empty vault has one', () => {
  for (let exponent = 1; exponent < 50; exponent += 1) {
    const ticks = byteTicks(1.37 ** exponent * 100);
    expect(ticks.length).toBeLessThanOrEqual(6);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(1.37 ** exponent * 100);
  }
  expect(byteTicks(0)).toEqual([0]);
});
