import { expect, test } from 'vitest';
import {
  marksOf,
  panned,
  revealing,
  shadeOf,
  type TimelinePoint,
  ticksOf,
  wholeRange,
  zoomed,
} from './timeline-scale.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.parse('2026-11-20T12:00:00Z');

/** Newest first, one a day. */
function daily(count: number): TimelinePoint[] {
  return Array.from({ length: count }, (_, index) => ({ id: `p${index}`, at: NOW - index * DAY, added: 1000 }));
}

test('the whole range has air on both sides, and a single point stands at the right end of an hour', () => {
  const range = wholeRange(daily(11), NOW);
  expect(range.from).toBeLessThan(NOW - 10 * DAY);
  expect(range.to).toBeGreaterThan(NOW);
  const single = wholeRange(daily(1), NOW);
  expect(single.to - single.from).toBeGreaterThanOrEqual(HOUR);
  expect(single.to - NOW).toBeLessThan(NOW - single.from);
});

test('marks that would touch are gathered, and no point is lost', () => {
  const points = daily(400);
  const marks = marksOf(points, wholeRange(points, NOW), 600, 14);
  expect(marks.reduce((sum, mark) => sum + mark.points.length, 0)).toBe(400);
  for (let index = 1; index < marks.length; index += 1) {
    expect((marks[index]?.x ?? 0) - (marks[index - 1]?.x ?? 0)).toBeGreaterThanOrEqual(14);
  }
  expect(marks.at(-1)?.id).toBe('p0');
});

test('looking closer keeps the instant under the pointer where it is', () => {
  const whole = { from: 0, to: 100 * DAY };
  const closer = zoomed(whole, 0.5, 25 * DAY, whole);
  expect(closer.to - closer.from).toBe(50 * DAY);
  expect((25 * DAY - closer.from) / (closer.to - closer.from)).toBeCloseTo(0.25);
});

test('nothing leads out of the whole, neither zooming out nor panning', () => {
  const whole = { from: 0, to: 100 * DAY };
  expect(zoomed(whole, 4, 10 * DAY, whole)).toEqual(whole);
  expect(panned({ from: 90 * DAY, to: 95 * DAY }, 20 * DAY, whole)).toEqual({ from: 95 * DAY, to: 100 * DAY });
});

test('a point out of sight is brought in without changing the zoom', () => {
  const whole = { from: 0, to: 100 * DAY };
  const moved = revealing({ from: 50 * DAY, to: 60 * DAY }, 20 * DAY, whole);
  expect(moved.to - moved.from).toBe(10 * DAY);
  expect(moved.from).toBeLessThan(20 * DAY);
});

test('shade follows the size in powers of ten', () => {
  expect(shadeOf(1000, 1000)).toBe(4);
  expect(shadeOf(100, 1000)).toBe(3);
  expect(shadeOf(10, 1000)).toBe(2);
  expect(shadeOf(1, 1000)).toBe(1);
  expect(shadeOf(0, 0)).toBe(1);
});

test('ticks keep their distance', () => {
  const ticks = ticksOf({ from: NOW - 30 * DAY, to: NOW }, 900, 90);
  expect(ticks.length).toBeGreaterThan(3);
  for (let index = 1; index < ticks.length; index += 1) {
    expect((ticks[index]?.x ?? 0) - (ticks[index - 1]?.x ?? 0)).toBeGreaterThanOrEqual(89);
  }
});
