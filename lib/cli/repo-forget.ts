// forget: removes snapshots, by restic's keep rules or by name.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HeldLock } from '#lib/engine/repository/lock.ts';
import type { Problem, Snapshot, SnapshotId } from '#lib/engine/types.ts';
import {
  executeForget,
  type ForgetGroup,
  type ForgetOptions,
  type ForgetPlan,
  planForget,
} from '#lib/engine/verbs/forget.ts';
import { type GroupBy, type KeepRules, parseDuration, UNLIMITED } from '#lib/engine/verbs/forget-policy.ts';
import { resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { AppError, isAppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { clock, counted, LiveLine, number, print, printJson, printTable } from './output.ts';
import { printProblem } from './repo-backup.ts';
import { limitsOf, type PruneCliOptions, prune, tell, withPruneOptions } from './repo-forget-prune.ts';
import { collect, inSession, type Session, withCommonOptions, withLockOption } from './session.ts';

interface ForgetCliOptions extends PruneCliOptions, Record<string, unknown> {
  keepTag?: string[];
  host?: string[];
  tag?: string[];
  path?: string[];
  groupBy: string;
  prune?: boolean;
  unsafeAllowRemoveAll?: boolean;
}

const COUNTS = [
  ['l', 'last', ''],
  ['H', 'hourly', 'hourly '],
  ['d', 'daily', 'daily '],
  ['w', 'weekly', 'weekly '],
  ['m', 'monthly', 'monthly '],
  ['y', 'yearly', 'yearly '],
] as const;
const WITHINS = ['', '-hourly', '-daily', '-weekly', '-monthly', '-yearly'] as const;
const GROUPS: Record<string, GroupBy> = {
  host: 'host',
  hosts: 'host',
  path: 'paths',
  paths: 'paths',
  tag: 'tags',
  tags: 'tags',
};

function keepCount(text: string): number {
  if (text === 'unlimited' || text === '-1') return UNLIMITED;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number, or "unlimited".');
}

/** Words of an AppError, in commander's form: it names the option. */
function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (isAppError(error)) throw new InvalidArgumentError([error.message, error.hint].filter(Boolean).join(' '));
      throw error;
    }
  };
}

export function addForget(repo: Command): void {
  const command = repo
    .command('forget')
    .description('remove snapshots: those named, or all that no keep rule keeps')
    .argument('[snapshot...]', 'ids, or their first digits');
  for (const [letter, name, kind] of COUNTS) {
    command.option(`-${letter}, --keep-${name} <n>`, `keep the last n ${kind}snapshots, or "unlimited"`, keepCount);
  }
  for (const name of WITHINS) {
    const kind = name === '' ? 'snapshots' : `${name.slice(1)} snapshots`;
    command.option(
      `--keep-within${name} <duration>`,
      `keep ${kind} newer than this (like 1y5m7d2h)`,
      argument(parseDuration),
    );
  }
  command
    .option('--keep-tag <tags>', 'keep snapshots with all these tags, separated by commas (may be repeated)', collect)
    .option('--unsafe-allow-remove-all', 'let the last snapshot of a group go')
    .option('--host <name>', 'only snapshots of this host (may be repeated)', collect)
    .option('--tag <tags>', 'only snapshots with all these tags, separated by commas (may be repeated)', collect)
    .option('--path <path>', 'only snapshots of this path (may be repeated)', collect)
    .addOption(new Option('-c, --compact').hideHelp())
    .option(
      '-g, --group-by <groups>',
      'apply the rules to each group of host, paths, tags; "" for all in one',
      'host,paths',
    )
    .option('-n, --dry-run', 'only show what would be removed')
    .option('--prune', 'delete what is no longer needed when snapshots were removed');
  withLockOption(withCommonOptions(withPruneOptions(command)), true).action(
    (ids: string[], options: ForgetCliOptions) =>
      inSession(options, (session) => forget(session, ids, options), { threads: true }),
  );
}

function tagLists(lists: string[] | undefined): string[][] | undefined {
  return lists?.map((list) => list.split(',').map((tag) => tag.trim()));
}

function groupsOf(text: string): GroupBy[] {
  const names = text.split(',').map((name) => name.trim());
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const group = GROUPS[name];
      if (group) return group;
      throw new AppError(
        'invalid-input',
        `Snapshots cannot be grouped by "${name}"; by host, paths and tags they can.`,
      );
    });
}

function rulesOf(options: ForgetCliOptions): KeepRules {
  const rules: Record<string, unknown> = { tags: tagLists(options.keepTag) };
  for (const [option, value] of Object.entries(options)) {
    const [, name] = /^keep([A-Z]\w*)$/.exec(option) ?? [];
    if (name && name !== 'Tag') rules[name.charAt(0).toLowerCase() + name.slice(1)] = value;
  }
  return rules;
}

async function forget(session: Session, references: string[], options: ForgetCliOptions): Promise<void> {
  const { repo, signal } = session;
  const limits = limitsOf(options);
  const asked: ForgetOptions = {
    rules: rulesOf(options),
    groupBy: groupsOf(options.groupBy),
    filter: { hosts: options.host, paths: options.path, tags: tagLists(options.tag) },
    allowRemoveAll: options.unsafeAllowRemoveAll,
  };
  if (options.lock === false && !options.dryRun) {
    throw new AppError('invalid-input', 'Removing needs a lock; --no-lock goes with --dry-run only.');
  }
  const lock = options.dryRun ? undefined : await repo.lock('exclusive', { signal });
  try {
    if (references.length > 0) asked.snapshots = await resolveAll(session, references);
    const onProblem = (problem: Problem) => {
      process.exitCode = EXIT.partial;
      printProblem(problem, options, new LiveLine(true));
    };
    const plan = await planForget(repo, { ...asked, onProblem, signal });
    printForgetPlan(plan, options);
    if (lock && !(await removeSnapshots(session, plan, lock, options))) return;
    if (!options.prune || plan.remove.length === 0) return;
    const without = plan.remove.map(({ id }) => id);
    await prune(session, options, { ...limits, without: options.dryRun ? without : undefined }, lock);
  } finally {
    await lock?.release();
  }
}

async function resolveAll({ repo, signal }: Session, references: readonly string[]): Promise<SnapshotId[]> {
  const ids: SnapshotId[] = [];
  for (const reference of references) ids.push((await resolveSnapshot(repo, reference, { signal })).snapshot.id);
  return ids;
}

/** False when some stay; what they need must then stay as well, until someone has seen why. */
async function removeSnapshots(
  { repo, signal }: Session,
  plan: ForgetPlan,
  lock: HeldLock,
  options: ForgetCliOptions,
): Promise<boolean> {
  const live = new LiveLine(Boolean(options.json || options.quiet));
  const onProgress = ({ done, total }: { done: number; total: number }) =>
    live.show({ done, total, text: `removing snapshots, ${number(done)} of ${number(total)}` });
  const { removed, failure } = await executeForget(repo, plan, { lock, onProgress, signal });
  live.clear();
  if (!options.json && removed.length > 0) print(`Removed ${counted(removed.length, 'snapshot')}.`);
  if (failure) tell(failure, options);
  return failure === undefined;
}

function withShortId(snapshot: Snapshot): object {
  return { ...snapshot, short_id: snapshot.id.slice(0, 8) };
}

/** As restic's. */
function jsonGroup({ host, paths, tags, keep, remove }: ForgetGroup): object {
  return {
    tags: tags ?? null,
    host: host ?? '',
    paths: paths ?? null,
    keep: keep.length > 0 ? keep.map(({ snapshot }) => withShortId(snapshot)) : null,
    remove: remove.length > 0 ? remove.map(withShortId) : null,
    reasons: keep.map(({ snapshot, reasons }) => ({ snapshot: withShortId(snapshot), matches: reasons })),
  };
}

function printForgetPlan({ groups, remove }: ForgetPlan, options: ForgetCliOptions): void {
  if (options.json) {
    printJson(groups.map(jsonGroup));
    return;
  }
  if (!options.quiet) for (const group of groups) printGroup(group);
  if (options.dryRun) {
    print(remove.length === 0 ? 'Nothing would be removed.' : `Would remove ${counted(remove.length, 'snapshot')}.`);
    if (groups.length === 0) printSnapshots(remove);
  } else if (remove.length === 0) print('Nothing is removed.');
}

function printGroup({ host, paths, tags, keep, remove }: ForgetGroup): void {
  const parts = [
    host && `host ${host}`,
    paths && `paths ${paths.join(', ')}`,
    tags && `tags ${tags.join(', ') || '(none)'}`,
  ];
  print(
    `Snapshots of ${parts.filter(Boolean).join(', ') || 'the repository'}: keep ${number(keep.length)}, remove ${number(remove.length)}`,
  );
  const rows = [
    ...keep.map(({ snapshot, reasons }) => ['keep', ...cells(snapshot), reasons.join(', ')]),
    ...remove.map((snapshot) => ['remove', ...cells(snapshot), '']),
  ];
  printTable(['', 'ID', 'Time', 'Host', 'Tags', 'Reasons'], rows);
  print();
}

function cells({ id, time, hostname, tags }: Snapshot): string[] {
  return [id.slice(0, 8), clock(time), hostname ?? '', tags?.join(',') ?? ''];
}

function printSnapshots(snapshots: readonly Snapshot[]): void {
  if (snapshots.length > 0) printTable(['ID', 'Time', 'Host', 'Tags'], snapshots.map(cells));
}
