import { expect, test } from 'vitest';
import { type Day, stripWords } from './day-strip.tsx';

const day = (outcome: Day['outcome'], index: number): Day => ({
  day: `2026-11-${String(index + 1).padStart(2, '0')}`,
  outcome,
  runs: 1,
});

test('the strip says in words what it shows, and leaves out what did not happen', () => {
  const days = [day('succeeded', 0), day('succeeded', 1), day('failed', 2), day('none', 3)];
  expect(stripWords(days).replaceAll('\u00a0', ' ')).toBe('4 days: 2 succeeded, 1 failed, 1 without a run.');
});
