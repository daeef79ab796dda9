import { expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDay,
  formatDuration,
  formatEta,
  formatExactBytes,
  formatInstant,
  formatPathTail,
  formatPercent,
  formatPlural,
  formatRate,
  formatRatio,
  formatRelative,
  formatShortInstant,
  shortId,
} from './format.ts';

/** Figures carry no-break spaces; the tests read better with plain ones. */
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const NOW = Date.parse('2026-11-20T19:23:39Z');
const ago = (milliseconds: number): string => plain(formatRelative(NOW - milliseconds, NOW));

test('a size has three significant figures at most and one unit system', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [10_240, '10.0 KiB'],
    [102_400, '100 KiB'],
    [1_503_238_553, '1.4 GiB'],
    [2 ** 53, '8.0 PiB'],
  ];
  for (const [bytes, text] of cases) expect(plain(formatBytes(bytes)), String(bytes)).toBe(text);
});

test('a size just under the next unit is never written as 1024 of the smaller one', () => {
  expect(plain(formatBytes(1024 * 1024 - 1))).toBe('1.0 MiB');
  expect(plain(formatBytes(1024 * 1000))).toBe('1.0 MiB');
});

test('figure and unit stay on one line', () => {
  expect(formatBytes(1536)).toContain('\u00a0');
  expect(formatBytes(1536)).not.toContain(' ');
});

test('the exact size is behind the rounded one', () => {
  expect(plain(formatExactBytes(1_503_238_553))).toBe('1,503,238,553 bytes');
  expect(plain(formatExactBytes(1))).toBe('1 byte');
  expect(plain(formatRate(1_572_864.4))).toBe('1.5 MiB/s');
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect(plain(formatPlural(1, 'file'))).toBe('1 file');
  expect(plain(formatPlural(1200, 'entry', 'entries'))).toBe('1,200 entries');
});

test('a share is never complete before it is, nor zero once begun', () => {
  expect(plain(formatPercent(0))).toBe('0 %');
  expect(plain(formatPercent(0.0001))).toBe('1 %');
  expect(plain(formatPercent(0.439))).toBe('43 %');
  expect(plain(formatPercent(0.9999))).toBe('99 %');
  expect(plain(formatPercent(1))).toBe('100 %');
  expect(plain(formatPercent(Number.NaN))).toBe('0 %');
});

test('a ratio drops its decimal from ten on', () => {
  expect(formatRatio(3.21)).toBe('3.2×');
  expect(formatRatio(9.96)).toBe('10×');
  expect(formatRatio(41.4)).toBe('41×');
});

test('a duration has two units at most', () => {
  const cases: [number, string][] = [
    [0, '0 ms'],
    [820, '820 ms'],
    [4_200, '4.2 s'],
    [9_990, '10 s'],
    [59_600, '1 min'],
    [192_000, '3 min 12 s'],
    [7_500_000, '2 h 5 min'],
    [3_600_000, '1 h'],
    [356_400_000, '4 d 3 h'],
    [-5, '0 ms'],
  ];
  for (const [ms, text] of cases) expect(plain(formatDuration(ms)), String(ms)).toBe(text);
});

test('the time left is coarse, so that it does not jitter', () => {
  expect(plain(formatEta(2))).toBe('under 5 s');
  expect(plain(formatEta(41))).toBe('45 s');
  expect(plain(formatEta(170))).toBe('3 min');
  expect(plain(formatEta(7_790))).toBe('2 h 10 min');
});

test('relative time counts in the unit a person would use', () => {
  expect(ago(3_000)).toBe('just now');
  expect(ago(42_000)).toBe('42 s ago');
  expect(ago(4 * 60_000)).toBe('4 min ago');
  expect(ago(3 * 3_600_000)).toBe('3 h ago');
  expect(ago(30 * 3_600_000)).toBe('yesterday');
  expect(ago(12 * 86_400_000)).toBe('12 days ago');
  expect(ago(90 * 86_400_000)).toBe('2 months ago');
  expect(ago(3 * 365.3 * 86_400_000)).toBe('3 years ago');
  expect(ago(-5 * 60_000)).toBe('in 5 min');
  expect(ago(-3_000)).toBe('in a moment');
});

test('absolute time names its zone', () => {
  expect(formatInstant(NOW, 'UTC')).toBe('20 Nov 2026, 19:23:39 UTC');
  expect(formatShortInstant(NOW, NOW, 'UTC')).toBe('20 Nov, 19:23');
  expect(formatShortInstant(Date.parse('2025-01-02T03:04:05Z'), NOW, 'UTC')).toBe('2 Jan 2025, 03:04');
  expect(formatDay('2026-02-03')).toBe('3 Feb');
});

test('ids and paths are shortened where they carry least', () => {
  expect(shortId('4f1c2a9b-0000')).toBe('4f1c2a9b');
  expect(formatPathTail('/a/b', 10)).toBe('/a/b');
  expect(formatPathTail('/srv/data/2026/report.pdf', 12)).toBe('…/report.pdf');
});
