import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { describeWithRestic, PASSWORD, type Restic } from '../oracle/restic.ts';
import type { Repository } from '../repository/repository.ts';
import type { Snapshot } from '../types.ts';
import {
  applyKeepRules,
  durationText,
  type GroupBy,
  groupSnapshots,
  hasNoRule,
  type KeepDuration,
  type KeepRules,
  type PolicySnapshot,
  parseDuration,
  UNLIMITED,
} from './forget-policy.ts';
import { initRepository } from './init.ts';
import { listSnapshots } from './snapshots.ts';

const now = new Date('2026-11-21T12:00:00Z');
const at = (time: string, more: Partial<PolicySnapshot> = {}): PolicySnapshot => ({
  id: time,
  time,
  paths: [],
  ...more,
});
const kept = (snapshots: PolicySnapshot[], rules: KeepRules) =>
  applyKeepRules(snapshots, rules, { now }).keep.map(({ snapshot, reasons }) => [snapshot.time, ...reasons]);

describe('the keep rules', () => {
  test('keep the newest of each period, and the oldest while counts are left', () => {
    const days = ['2026-01-05T08:00:00Z', '2026-01-05T09:00:00Z', '2026-01-04T10:00:00Z', '2026-01-04T07:00:00Z'];
    expect(
      kept(
        days.map((time) => at(time)),
        { daily: 3 },
      ),
    ).toEqual([
      ['2026-01-05T09:00:00Z', 'daily snapshot'],
      ['2026-01-04T10:00:00Z', 'daily snapshot'],
      ['2026-01-04T07:00:00Z', 'oldest daily snapshot'],
    ]);
    expect(
      kept(
        days.map((time) => at(time)),
        { daily: 2 },
      ),
    ).toHaveLength(2);
  });

  test('take the day of the clock that made the snapshot', () => {
    // One moment apart, the same day in New Zealand, two days in UTC.
    const there = [at('2026-05-02T11:59:00+12:00'), at('2026-05-02T12:01:00+12:00'), at('2026-05-01T01:00:00+12:00')];
    expect(kept(there, { daily: 2 }).map(([time]) => time)).toEqual([
      '2026-05-02T12:01:00+12:00',
      '2026-05-01T01:00:00+12:00',
    ]);
  });

  test('count ISO weeks: 1 January 2027 is in week 53 of 2026', () => {
    const days = [at('2027-01-01T08:00:00Z'), at('2026-12-31T08:00:00Z'), at('2027-01-04T08:00:00Z')];
    const keep = applyKeepRules(days, { weekly: 2 }, { now: new Date('2027-02-01T00:00:00Z') }).keep;
    expect(keep.map(({ snapshot }) => snapshot.time)).toEqual(['2027-01-04T08:00:00Z', '2027-01-01T08:00:00Z']);
  });

  test('count durations from the newest snapshot that is not in the future', () => {
    const days = [at('2027-01-01T00:00:00Z'), at('2026-11-20T00:00:00Z'), at('2026-11-13T00:00:00Z')];
    expect(kept(days, { within: parseDuration('7d') }).map(([time]) => time)).toEqual([
      '2027-01-01T00:00:00Z',
      '2026-11-20T00:00:00Z',
    ]);
  });

  test('refuse counts that are none', () => {
    for (const last of [-2, 1.5, Number.NaN]) {
      expect(() => applyKeepRules([], { last }, { now })).toThrow(/keep-last/);
    }
  });
});

test('a duration reads as it prints; other texts are refused', () => {
  for (const text of ['1y5m7d2h', '37h', '2y', '3m10d']) expect(durationText(parseDuration(text))).toBe(text);
  expect(hasNoRule({ within: parseDuration('0d') })).toBe(true);
  for (const text of ['7', 'd', '-1d', '1w', '1.5d', '1d x'])
    expect(() => parseDuration(text)).toThrow(/not a duration/);
});

// Against restic -------------------------------------------------------------------------------------------------------

const SEED = 20261121;
const CASES = 72;

/** mulberry32: small, seeded, good enough to pick cases. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const next = random(SEED);
const below = (limit: number) => Math.floor(next() * limit);
const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;

const OFFSETS = ['Z', '+00:00', '+01:00', '+02:00', '-05:00', '-04:00', '+05:45', '+13:00', '-09:30'];
/** Where calendars are odd: year ends with week 53 and week 1, leap days, changes of the clocks, the zero time. */
const CORNERS = [
  '2026-12-28',
  '2027-01-01',
  '2026-01-01',
  '2024-02-29',
  '2024-12-30',
  '2025-03-30',
  '2025-10-26',
  '2021-01-03',
];

function randomTime(): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `T${two(below(24))}:${two(below(60))}:${two(below(60))}${oneOf(['', '', '.5', '.123456789'])}${oneOf(OFFSETS)}`;
  if (next() < 0.25) return `${oneOf(CORNERS)}${clock}`;
  const day = new Date(now.getTime() - Math.floor(next() ** 3 * 2200) * 86_400_000);
  return `${day.toISOString().slice(0, 10)}${clock}`;
}

/** Snapshots of three hosts; some twice in the same second, alike in all that rules look at. */
async function fill(repo: Repository, count: number): Promise<void> {
  await craftSnapshot(repo, [craftTree([])], []);
  const tree = (await listSnapshots(repo))[0]?.tree;
  for (let number = 0; number < count; number++) {
    const tags = oneOf([undefined, undefined, ['a'], ['b'], ['a', 'b'], ['c', 'a']]);
    const snapshot = {
      time: randomTime(),
      tree,
      paths: [oneOf(['/x', '/y'])],
      hostname: oneOf(['one', 'two', 'two']),
      tags,
    };
    const times = next() < 0.15 ? 2 : 1;
    for (let i = 0; i < times; i++) await repo.saveUnpacked('snapshot', Buffer.from(JSON.stringify(snapshot)));
  }
}

function randomDuration(): KeepDuration {
  const some = (limit: number) => (next() < 0.5 ? below(limit) : 0);
  const duration = { years: some(3), months: some(20), days: some(60), hours: some(100) };
  return durationText(duration) === '' ? { ...duration, days: 9 } : duration;
}

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const DURATIONS = ['within', 'withinHourly', 'withinDaily', 'withinWeekly', 'withinMonthly', 'withinYearly'] as const;

function randomRules(): KeepRules {
  const rules: KeepRules = {};
  for (const name of COUNTS) if (next() < 0.3) rules[name] = oneOf([1, 2, 3, 5, 10, 30, UNLIMITED]);
  for (const name of DURATIONS) if (next() < 0.2) rules[name] = randomDuration();
  if (next() < 0.2) rules.tags = oneOf([[['a']], [['a', 'b']], [['b'], ['c']], [['']]]);
  return hasNoRule(rules) ? { daily: 4 } : rules;
}

function argsOf(rules: KeepRules): string[] {
  const args: string[] = [];
  for (const name of COUNTS)
    if (rules[name]) args.push(`--keep-${name}`, rules[name] < 0 ? 'unlimited' : `${rules[name]}`);
  for (const name of DURATIONS) {
    const duration = rules[name];
    if (duration)
      args.push(`--keep-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, durationText(duration));
  }
  for (const list of rules.tags ?? []) args.push('--keep-tag', list.join(','));
  return args;
}

interface ResticGroup {
  host: string;
  paths: string[] | null;
  tags: string[] | null;
  keep: { id: string }[] | null;
  remove: { id: string }[] | null;
  reasons: { matches: string[] }[] | null;
}

function resticForget(
  restic: Restic,
  vault: string,
  rules: KeepRules,
  by: readonly GroupBy[],
  zone: string,
): ResticGroup[] {
  const args = ['forget', '--dry-run', '--no-lock', '--json', '--unsafe-allow-remove-all', '--group-by', by.join(',')];
  return JSON.parse(restic.run(vault, [...args, ...argsOf(rules)], { env: { TZ: zone } }).toString());
}

/** Offset of a named zone, from the tables of Intl: the zone of this process is another. */
function offsetIn(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  return (ms) => {
    const [, sign, hour, minute] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(format.format(ms)) ?? [];
    return sign ? (sign === '-' ? -1 : 1) * (Number(hour) * 3600 + Number(minute) * 60) : 0;
  };
}

/** One line per snapshot. Of two alike in the same second restic keeps either: lines have times, not ids. */
function linesOf(
  snapshots: readonly Snapshot[],
  keep: { id: string; text: string }[],
  remove: { id: string }[],
): string[] {
  const times = new Map<string, string>(snapshots.map(({ id, time, tags }) => [id, `${time} ${tags ?? ''}`]));
  const all = [...keep, ...remove.map(({ id }) => ({ id, text: 'removed' }))];
  return all.map(({ id, text }) => `${times.get(id)}: ${text}`).sort();
}

describeWithRestic('the keep rules agree with', (restic) => {
  // 0.14 words its reasons differently.
  test.skipIf(restic.version().startsWith('0.14.'))(
    `on ${CASES} random cases, ids and reasons`,
    async () => {
      const home = mkdtempSync(join(tmpdir(), 'holdfast-policy-'));
      let multiple = 0;
      try {
        for (let set = 0; set < 3; set++) {
          const vault = join(home, `vault-${set}`);
          const repo = await initRepository(new LocalStore(vault), {
            password: PASSWORD,
            kdf: { N: 1024, r: 8, p: 1 },
          });
          await fill(repo, [6, 60, 160][set] as number);
          const snapshots = await listSnapshots(repo);
          for (let number = 0; number < CASES / 3; number++) {
            const rules = randomRules();
            const by = oneOf<readonly GroupBy[]>([
              ['host', 'paths'],
              ['host'],
              ['tags'],
              ['host', 'paths', 'tags'],
              [],
            ]);
            const zone = oneOf(['UTC', 'Europe/Berlin', 'America/New_York']);
            const theirs = resticForget(restic, vault, rules, by, zone);
            const what = `seed ${SEED}, set ${set}, ${argsOf(rules).join(' ')} --group-by ${by}, TZ ${zone}`;
            const groups = groupSnapshots(snapshots, by);
            expect(theirs, what).toHaveLength(groups.length);
            for (const group of groups) {
              const verdict = applyKeepRules(group.snapshots, rules, { now: new Date(), localOffset: offsetIn(zone) });
              const same = (a: string[] | null, b: string[] | undefined) => (a ?? []).join() === (b ?? []).join();
              const their = theirs.find(
                ({ host, paths, tags }) =>
                  host === (group.host ?? '') && same(paths, group.paths) && same(tags, group.tags),
              );
              const ourLines = linesOf(
                snapshots,
                verdict.keep.map(({ snapshot, reasons }) => ({
                  id: snapshot.id,
                  text: reasons.join(', '),
                })),
                verdict.remove,
              );
              const theirLines = linesOf(
                snapshots,
                (their?.keep ?? []).map(({ id }, i) => ({ id, text: their?.reasons?.[i]?.matches.join(', ') ?? '' })),
                their?.remove ?? [],
              );
              expect(ourLines, what).toEqual(theirLines);
              if (verdict.keep.length > 0 && verdict.remove.length > 0) multiple += 1;
            }
          }
          await repo.close();
        }
        // The cases tell something only when rules part the snapshots.
        expect(multiple).toBeGreaterThan(CASES);
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    },
    120_000,
  );
});
