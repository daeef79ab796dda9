import { expect, test } from 'vitest';
import { dayStrip, sourceState } from './source-state.ts';

const now = new Date('2026-11-20T00:30:00Z');

test('the newest backup decides, however many good ones came before', () => {
  expect(sourceState('succeeded', ['/srv'], '/srv')).toBe('protected');
  expect(sourceState('warning', ['/srv'], '/srv')).toBe('warning');
  expect(sourceState('failed', ['/srv'], '/srv')).toBe('failed');
  expect(sourceState('lost', ['/srv'], '/srv')).toBe('failed');
});

test('without a recovery point nothing is protected', () => {
  expect(sourceState(null, null, '/srv')).toBe('never');
  expect(sourceState('succeeded', null, '/srv')).toBe('never');
  expect(sourceState('failed', null, '/srv')).toBe('failed');
});

test('a backup whose recovery point is gone from the vault protects nothing, even when an older one is there', () => {
  expect(sourceState('succeeded', ['/srv'], '/srv', true)).toBe('missing');
  expect(sourceState('succeeded', null, '/srv', true)).toBe('missing');
  expect(sourceState('failed', ['/srv'], '/srv', true)).toBe('failed');
});

test('a source that was pointed at another folder is not protected by points of the old one', () => {
  expect(sourceState('succeeded', ['/srv/a'], '/srv/b')).toBe('never');
  expect(sourceState('succeeded', ['/srv/a'], '/srv/a/')).toBe('protected');
  expect(sourceState('succeeded', ['/'], '/')).toBe('protected');
});

test('the strip has 30 days, the last of them today in UTC', () => {
  const strip = dayStrip([], now);
  expect(strip).toHaveLength(30);
  expect(strip.at(0)?.day).toBe('2026-10-22');
  expect(strip.at(-1)).toEqual({ day: '2026-11-20', outcome: 'none', runs: 0 });
});

test('one failure makes the whole day a failed one; cancelled runs say nothing', () => {
  const strip = dayStrip(
    [
      { day: '2026-11-20', outcome: 'succeeded', runs: 23 },
      { day: '2026-11-20', outcome: 'lost', runs: 1 },
      { day: '2026-11-19', outcome: 'cancelled', runs: 2 },
      { day: '2026-11-18', outcome: 'warning', runs: 1 },
    ],
    now,
  );
  expect(strip.at(-1)).toEqual({ day: '2026-11-20', outcome: 'failed', runs: 24 });
  expect(strip.at(-2)).toEqual({ day: '2026-11-19', outcome: 'none', runs: 2 });
  expect(strip.at(-3)?.outcome).toBe('warning');
});
