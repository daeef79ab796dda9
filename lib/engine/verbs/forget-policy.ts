// Which snapshots restic's keep rules keep, and why (restic, doc/060_forget.rst; checked against the program in
// forget-policy.test.ts). Pure: no repository, the clock is passed in. Imports nothing of the engine but types, so that
// a preview elsewhere judges by the same rules.
//
// Hours, days and so on are those of the clock that made the snapshot: the offset is in its time. Weeks are ISO weeks.
// Within a rule the newest snapshot of each hour, day, ... is kept; the very oldest is kept as well while the rule has a
// count left, so that a young history is not thinned from its end.

import { AppError } from '#lib/errors.ts';

/** Keep all that a counting rule could keep. */
export const UNLIMITED = -1;

export interface KeepDuration {
  years: number;
  months: number;
  days: number;
  hours: number;
}

export interface KeepRules {
  last?: number;
  hourly?: number;
  daily?: number;
  weekly?: number;
  monthly?: number;
  yearly?: number;
  /** Durations count back from the newest snapshot of the group that is not in the future. */
  within?: KeepDuration;
  withinHourly?: KeepDuration;
  withinDaily?: KeepDuration;
  withinWeekly?: KeepDuration;
  withinMonthly?: KeepDuration;
  withinYearly?: KeepDuration;
  /** A snapshot that has all tags of one of these lists is kept. The tag '' stands for "no tags at all". */
  tags?: readonly (readonly string[])[];
}

export interface PolicySnapshot {
  id: string;
  /** RFC 3339. */
  time: string;
  hostname?: string;
  paths: readonly string[];
  tags?: readonly string[];
}

export interface KeptSnapshot<S> {
  snapshot: S;
  /** In restic's words: "last snapshot", "oldest weekly snapshot", "within 7d", "has tags [a, b]". */
  reasons: string[];
}

export interface KeepVerdict<S> {
  /** Newest first, as `remove`. */
  keep: KeptSnapshot<S>[];
  remove: S[];
}

export interface KeepClock {
  now: Date;
  /** Offset of the machine's zone in seconds east of UTC at a moment (ms since 1970); default: the process's zone. */
  localOffset?: (ms: number) => number;
}

interface Moment {
  ns: bigint;
  /** As the clock of the snapshot's machine showed it. */
  year: number;
  month: number;
  day: number;
  hour: number;
  /** Milliseconds of that clock, as if it were UTC, without the fraction of its second. */
  wallMs: number;
  fractionNs: bigint;
  offset: number;
  isUtc: boolean;
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|([+-])(\d\d):(\d\d))$/;
const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 24 * MS_PER_HOUR;

/** As Date.UTC(), without its special years 0 to 99. Fields beyond their range carry over, months before days. */
function utcMs(year: number, month: number, day: number, ms: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() + ms;
}

function momentOf({ id, time }: PolicySnapshot): Moment {
  const match = RFC3339.exec(time);
  if (!match) throw new AppError('repository-damaged', `Snapshot ${id.slice(0, 8)} has no usable time: "${time}".`);
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const sign = match[9] === '-' ? -1 : 1;
  const offset = match[9] ? sign * (Number(match[10]) * 3600 + Number(match[11]) * 60) : 0;
  const wallMs = utcMs(year, month, day, ((hour * 60 + minute) * 60 + second) * 1000);
  const fractionNs = BigInt((match[7] ?? '').slice(0, 9).padEnd(9, '0'));
  const ns = BigInt(wallMs - offset * 1000) * 1_000_000n + fractionNs;
  return { ns, year, month, day, hour, wallMs, fractionNs, offset, isUtc: match[8] === 'Z' };
}

/** Year and week by ISO 8601: the week belongs to the year its Thursday is in. */
function isoWeek({ year, month, day }: Moment): number {
  const date = new Date(utcMs(year, month, day, 0));
  const weekday = (date.getUTCDay() + 6) % 7;
  const thursday = new Date(date.getTime() + (3 - weekday) * MS_PER_DAY);
  const firstDay = utcMs(thursday.getUTCFullYear(), 1, 1, 0);
  return thursday.getUTCFullYear() * 100 + Math.floor((thursday.getTime() - firstDay) / MS_PER_DAY / 7) + 1;
}

const PERIODS = {
  hourly: ({ year, month, day, hour }: Moment) => ((year * 100 + month) * 100 + day) * 100 + hour,
  daily: ({ year, month, day }: Moment) => (year * 100 + month) * 100 + day,
  weekly: isoWeek,
  monthly: ({ year, month }: Moment) => year * 100 + month,
  yearly: ({ year }: Moment) => year,
};
const COUNTING = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const WITHIN = [
  ['withinHourly', 'hourly'],
  ['withinDaily', 'daily'],
  ['withinWeekly', 'weekly'],
  ['withinMonthly', 'monthly'],
  ['withinYearly', 'yearly'],
] as const;

function isZero(duration: KeepDuration | undefined): boolean {
  return !duration || (duration.years === 0 && duration.months === 0 && duration.days === 0 && duration.hours === 0);
}

/** No rule at all: restic removes nothing then, rather than everything. */
export function hasNoRule(rules: KeepRules): boolean {
  const durations = [rules.within, ...WITHIN.map(([name]) => rules[name])];
  return COUNTING.every((name) => !rules[name]) && durations.every(isZero) && !rules.tags?.length;
}

function checkRules(rules: KeepRules): void {
  for (const name of COUNTING) {
    const count = rules[name] ?? 0;
    if (Number.isInteger(count) && count >= UNLIMITED) continue;
    throw new AppError('invalid-input', `keep-${name} is ${count}; give a whole number, or "unlimited".`);
  }
}

/**
 * The moment a duration before another, by calendar: a month before 31 March is 3 March, as in Go's Time.AddDate. A time
 * with the offset this machine has at that moment is a time of this machine's zone to Go, whose offset may be another
 * then; any other time keeps its own offset.
 */
function before(moment: Moment, duration: KeepDuration, localOffset: (ms: number) => number): bigint {
  const { year, month, day, wallMs, offset } = moment;
  const timeOfDay = wallMs - utcMs(year, month, day, 0);
  const wall = utcMs(year - duration.years, month - duration.months, day - duration.days, timeOfDay);
  let thenOffset = offset;
  if (!moment.isUtc && localOffset(wallMs - offset * 1000) === offset) {
    // In two steps, as Go's Date: near a change of the clocks the first guess may be on the wrong side of it.
    thenOffset = localOffset(wall);
    if (thenOffset !== 0) thenOffset = localOffset(wall - thenOffset * 1000);
  }
  return BigInt(wall - thenOffset * 1000 - duration.hours * MS_PER_HOUR) * 1_000_000n + moment.fractionNs;
}

function zoneOffset(ms: number): number {
  return new Date(ms).getTimezoneOffset() * -60;
}

interface Bucket {
  /** Of a counting rule; UNLIMITED for those within a duration. */
  left: number;
  after?: bigint;
  period: (moment: Moment, place: number) => number;
  latest: number | undefined;
  reason: string;
  suffix: string;
}

function bucketsOf(rules: KeepRules, cutoff: (duration: KeepDuration) => bigint): Bucket[] {
  const buckets: Bucket[] = [];
  for (const counter of COUNTING) {
    const left = rules[counter] ?? 0;
    const period = counter === 'last' ? (_: Moment, place: number) => place : PERIODS[counter];
    buckets.push({ left, period, latest: undefined, reason: `${counter} snapshot`, suffix: '' });
  }
  for (const [rule, name] of WITHIN) {
    const duration = rules[rule];
    if (!duration || isZero(duration)) continue;
    const suffix = ` ${durationText(duration)}`;
    const after = cutoff(duration);
    const period = PERIODS[name];
    buckets.push({ left: UNLIMITED, after, period, latest: undefined, reason: `${name} within`, suffix });
  }
  return buckets;
}

/** Judges the snapshots of one group. Rules without any rule in them keep nothing: ask hasNoRule() first. */
export function applyKeepRules<S extends PolicySnapshot>(
  snapshots: readonly S[],
  rules: KeepRules,
  { now, localOffset = zoneOffset }: KeepClock,
): KeepVerdict<S> {
  checkRules(rules);
  const sorted = snapshots
    .map((snapshot) => ({ snapshot, moment: momentOf(snapshot) }))
    .sort((a, b) => (a.moment.ns > b.moment.ns ? -1 : a.moment.ns < b.moment.ns ? 1 : compare(a.snapshot, b.snapshot)));
  const nowNs = BigInt(now.getTime()) * 1_000_000n;
  const latest = sorted.find(({ moment }) => moment.ns < nowNs)?.moment;
  // With all of them in the future there is nothing to count back from, and nothing is too old.
  const cutoff = (duration: KeepDuration) => (latest ? before(latest, duration, localOffset) : -(1n << 80n));
  const { within, tags = [] } = rules;
  const after = within && !isZero(within) ? cutoff(within) : undefined;
  const buckets = bucketsOf(rules, cutoff);
  const verdict: KeepVerdict<S> = { keep: [], remove: [] };
  for (const [place, { snapshot, moment }] of sorted.entries()) {
    const reasons = tags.filter((list) => hasTags(snapshot, list)).map((list) => `has tags [${list.join(', ')}]`);
    if (within && after !== undefined && moment.ns > after) reasons.push(`within ${durationText(within)}`);
    for (const bucket of buckets) {
      if (bucket.left === 0 || (bucket.after !== undefined && moment.ns <= bucket.after)) continue;
      const period = bucket.period(moment, place);
      const isNew = period !== bucket.latest;
      if (!isNew && place < sorted.length - 1) continue;
      bucket.latest = period;
      if (bucket.left > 0) bucket.left -= 1;
      reasons.push(`${isNew ? '' : 'oldest '}${bucket.reason}${bucket.suffix}`);
    }
    if (reasons.length === 0) verdict.remove.push(snapshot);
    else verdict.keep.push({ snapshot, reasons });
  }
  return verdict;
}

function compare(a: PolicySnapshot, b: PolicySnapshot): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** All tags of the list; the tag '' fits a snapshot without tags. */
export function hasTags({ tags = [] }: { tags?: readonly string[] }, list: readonly string[]): boolean {
  for (const tag of list) {
    if (tag === '' && tags.length === 0) return true;
    if (!tags.includes(tag)) return false;
  }
  return true;
}

// Groups and filters -------------------------------------------------------------------------------------------------

export type GroupBy = 'host' | 'paths' | 'tags';

export const DEFAULT_GROUPS: readonly GroupBy[] = ['host', 'paths'];

export interface SnapshotGroup<S> {
  /** Only what was grouped by. */
  host?: string;
  paths?: string[];
  tags?: string[];
  snapshots: S[];
}

/** Ordered by host, paths, tags. */
export function groupSnapshots<S extends PolicySnapshot>(
  snapshots: readonly S[],
  by: readonly GroupBy[],
): SnapshotGroup<S>[] {
  const groups = new Map<string, SnapshotGroup<S>>();
  for (const snapshot of snapshots) {
    const host = by.includes('host') ? (snapshot.hostname ?? '') : undefined;
    const paths = by.includes('paths') ? snapshot.paths.toSorted() : undefined;
    const tags = by.includes('tags') ? (snapshot.tags ?? []).toSorted() : undefined;
    const key = JSON.stringify([host, paths, tags]);
    const group = groups.get(key) ?? { host, paths, tags, snapshots: [] };
    group.snapshots.push(snapshot);
    groups.set(key, group);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

export interface ForgetFilter {
  /** One of these. */
  hosts?: readonly string[];
  /** All of these among the snapshot's paths. */
  paths?: readonly string[];
  /** All tags of one of these lists. */
  tags?: readonly (readonly string[])[];
}

export function isEmptyFilter({ hosts, paths, tags }: ForgetFilter): boolean {
  return !hosts?.length && !paths?.length && !tags?.length;
}

export function fitsFilter(snapshot: PolicySnapshot, { hosts = [], paths = [], tags = [] }: ForgetFilter): boolean {
  if (hosts.length > 0 && !hosts.includes(snapshot.hostname ?? '')) return false;
  if (!paths.every((path) => snapshot.paths.includes(path))) return false;
  return tags.length === 0 || tags.some((list) => hasTags(snapshot, list));
}

// Durations ----------------------------------------------------------------------------------------------------------

const UNITS = { y: 'years', m: 'months', d: 'days', h: 'hours' } as const;

/** "1y5m7d2h", each unit at most once worth anything: the last one counts. Throws 'invalid-input'. */
export function parseDuration(text: string): KeepDuration {
  const duration: KeepDuration = { years: 0, months: 0, days: 0, hours: 0 };
  const trimmed = text.trim();
  if (!/^(\d{1,9}[ymdh])*$/.test(trimmed)) {
    throw new AppError('invalid-input', {
      message: `"${text}" is not a duration.`,
      hint: 'Give years, months, days and hours like 1y5m7d2h.',
    });
  }
  for (const [, count, unit] of trimmed.matchAll(/(\d+)([ymdh])/g)) {
    duration[UNITS[unit as keyof typeof UNITS]] = Number(count);
  }
  return duration;
}

export function durationText(duration: KeepDuration): string {
  const parts = Object.entries(UNITS).map(([unit, name]) => (duration[name] === 0 ? '' : `${duration[name]}${unit}`));
  return parts.join('');
}
