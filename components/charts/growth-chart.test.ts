import { expect, test } from 'vitest';
import { byteTicks, timeTicks } from './growth-chart.tsx';

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

test('time ticks are midnights for days and full hours for hours, and never too many', () => {
  const from = new Date(2026, 9, 1, 10, 24).getTime();
  const weeks = timeTicks(from, new Date(2026, 10, 20).getTime(), 8);
  expect(weeks.length).toBeLessThanOrEqual(8);
  expect(weeks[0]).toBeGreaterThanOrEqual(from);
  const hours = timeTicks(from, from + 5 * 3_600_000, 8);
  expect(hours.map((tick) => new Date(tick).getMinutes())).toEqual([0, 0, 0, 0, 0]);
});
