import { afterEach, expect, test } from 'vitest';
import { formatTime, parseTime } from './time.ts';

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test('zeros at the end of the fraction are cut', () => {
  expect(formatTime(1_700_000_000_000_000_000n, 0)).toBe('2023-11-14T22:13:20Z');
  expect(formatTime(1_700_000_000_120_000_000n, 0)).toBe('2023-11-14T22:13:20.12Z');
  expect(formatTime(1_700_000_000_123_456_789n, 0)).toBe('2023-11-14T22:13:20.123456789Z');
  expect(formatTime(1n, 0)).toBe('1970-01-01T00:00:00.000000001Z');
  expect(formatTime(-1n, 0)).toBe('1969-12-31T23:59:59.999999999Z');
});

test('the offset is the one of the local zone at that time', () => {
  process.env.TZ = 'Europe/Berlin';
  expect(formatTime(1_721_000_000_000_000_000n)).toBe('2024-07-15T01:33:20+02:00');
  expect(formatTime(1_705_000_000_000_000_000n)).toBe('2024-01-11T20:06:40+01:00');
  process.env.TZ = 'America/St_Johns';
  expect(formatTime(1_705_000_000_000_000_000n)).toBe('2024-01-11T15:36:40-03:30');
  process.env.TZ = 'UTC';
  expect(formatTime(1_705_000_000_000_000_000n)).toBe('2024-01-11T19:06:40Z');
});

test('years outside 0..9999 are clamped as restic does', () => {
  // 15 February of the year -1199.
  expect(formatTime(-100_000_000_000n * 1_000_000_000n, 0)).toBe('0000-02-15T14:13:20Z');
  expect(formatTime(400_000_000_000n * 1_000_000_000n, 0)).toMatch(/^9999-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  // Far beyond what a Date can hold.
  expect(formatTime(9_000_000_000_000_000n * 1_000_000_000n)).toMatch(/^9999-/);
});

test('what was written is read back to the nanosecond', () => {
  process.env.TZ = 'Australia/Lord_Howe';
  for (const ns of [
    0n,
    1n,
    -1n,
    1_721_000_000_123_456_789n,
    -62_000_000_000_000_000_001n,
    250_000_000_000_000_000_000n,
  ]) {
    expect(parseTime(formatTime(ns))).toBe(ns);
  }
});

test('what is not RFC 3339 is refused', () => {
  for (const text of ['', '2024-01-01', '2024-01-01 00:00:00Z', '2024-01-01T00:00:00']) {
    expect(() => parseTime(text)).toThrow('RFC 3339');
  }
});
