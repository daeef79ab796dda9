// How the console writes numbers and times. Pure: the clock and the zone come in. One unit system (KiB, MiB, …),
// a no-break space between figure and unit so that a cell never breaks inside a quantity.

const NBSP = '\u00a0';
const KIBI = 1024;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

const integers = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** 1234567 → "1,234,567". */
export function formatCount(value: number): string {
  return integers.format(value);
}

/** "1 file", "2 files"; an irregular plural is given. */
export function formatPlural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)}${NBSP}${value === 1 ? one : many}`;
}

/** Three significant figures at most: 0 B, 512 B, 1.4 KiB, 23.1 GiB, 231 GiB. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= KIBI && unit < UNITS.length - 1) {
    value /= KIBI;
    unit += 1;
  }
  // 1023.96 would print as "1024": show it in the next unit.
  if (unit > 0 && value >= 999.5 && unit < UNITS.length - 1) {
    value /= KIBI;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)}${NBSP}${UNITS[unit]}`;
}

/** "1,503,238,553 bytes": what stands behind a rounded size. */
export function formatExactBytes(bytes: number): string {
  return `${formatCount(bytes)}${NBSP}${bytes === 1 ? 'byte' : 'bytes'}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** A share between 0 and 1 as whole per cent; never "100 %" before it is complete, never "0 %" once begun. */
export function formatPercent(share: number): string {
  if (!(share > 0)) return `0${NBSP}%`;
  if (share >= 1) return `100${NBSP}%`;
  return `${Math.min(99, Math.max(1, Math.floor(share * 100)))}${NBSP}%`;
}

/** 3.21 → "3.2×". */
export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(ratio < 9.95 ? 1 : 0)}×`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Two units at most: "820 ms", "4.2 s", "3 min 12 s", "2 h 5 min", "4 d 3 h". */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < SECOND) return `${Math.round(ms)}${NBSP}ms`;
  if (ms < 9.95 * SECOND) return `${(ms / SECOND).toFixed(1)}${NBSP}s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds}${NBSP}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, 'min', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'min');
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  const first = `${large}${NBSP}${largeUnit}`;
  return small === 0 ? first : `${first}${NBSP}${small}${NBSP}${smallUnit}`;
}

/** Time left, coarse enough not to jitter: "under 5 s", "40 s", "3 min", "2 h 10 min". */
export function formatEta(seconds: number): string {
  if (seconds < 5) return `under${NBSP}5${NBSP}s`;
  if (seconds < 60) return `${Math.ceil(seconds / 5) * 5}${NBSP}s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}${NBSP}min`;
  return formatDuration(Math.round(seconds / 300) * 300 * SECOND);
}

/** "just now", "4 min ago", "3 h ago", "yesterday", "12 days ago", "in 5 min"; months and years beyond 60 days. */
export function formatRelative(time: number, now: number): string {
  const delta = now - time;
  const size = Math.abs(delta);
  const say = (value: number, unit: string): string =>
    delta >= 0 ? `${value}${NBSP}${unit}${NBSP}ago` : `in${NBSP}${value}${NBSP}${unit}`;
  if (size < 10 * SECOND) return delta >= 0 ? `just${NBSP}now` : `in${NBSP}a${NBSP}moment`;
  if (size < MINUTE) return say(Math.floor(size / SECOND), 's');
  if (size < HOUR) return say(Math.floor(size / MINUTE), 'min');
  if (size < DAY) return say(Math.floor(size / HOUR), 'h');
  if (size < 2 * DAY) return delta >= 0 ? 'yesterday' : 'tomorrow';
  if (size < 60 * DAY) return say(Math.floor(size / DAY), 'days');
  if (size < 730 * DAY) return say(Math.floor(size / (30.44 * DAY)), 'months');
  return say(Math.floor(size / (365.25 * DAY)), 'years');
}

/** "20 Nov 2026, 19:23:39 UTC": in the reader's zone unless one is given. */
export function formatInstant(time: number, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(time);
}

/** "20 Nov, 19:23" for axes and dense lists; the year only when it is not the clock's year. */
export function formatShortInstant(time: number, now: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  const year = new Intl.DateTimeFormat('en-GB', { year: 'numeric', ...zone });
  const sameYear = year.format(time) === year.format(now);
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    ...(sameYear ? {} : { year: 'numeric' as const }),
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...zone,
  }).format(time);
}

/** "20 Nov" of a YYYY-MM-DD day. */
export function formatDay(day: string): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(
    Date.parse(`${day}T00:00:00Z`),
  );
}

const SHORT_ID = 8;
/** The first characters of a uuid or hash: enough for a person, never for a lookup. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID);
}

/** Keeps the end of a path, which tells paths apart: "…/2026/november/report.pdf". */
export function formatPathTail(path: string, maximum: number): string {
  return path.length <= maximum ? path : `…${path.slice(path.length - maximum + 1)}`;
}
