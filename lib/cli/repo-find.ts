import type { Command } from 'commander';
import { modeText } from '#lib/engine/format/mode.ts';
import type { Repository } from '#lib/engine/repository/repository.ts';
import type { Snapshot } from '#lib/engine/types.ts';
import { type FoundEntry, type FoundObject, findEntries, findObjects } from '#lib/engine/verbs/find.ts';
import { underSharedLock } from '#lib/engine/verbs/ls-lock.ts';
import { listSnapshots, resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { AppError } from '#lib/errors.ts';
import { clock, print } from './output.ts';
import { type FilterOptions, filterOf, partialOn, printEntry, withFilterOptions } from './repo-read.ts';
import { collect, inSession } from './session.ts';

interface FindOptions extends FilterOptions {
  snapshot?: string[];
  ignoreCase?: boolean;
  long?: boolean;
  newest?: string;
  oldest?: string;
  blob?: boolean;
  tree?: boolean;
  pack?: boolean;
  showPackId?: boolean;
  reverse?: boolean;
}

export function addFind(repo: Command): void {
  const command = repo
    .command('find')
    .description('find names in all snapshots, or in some; the newest snapshot first')
    .argument('<pattern...>', 'a name or path, with *, ? and [a-z]; ** for any folders')
    .option('-s, --snapshot <id>', 'only in this snapshot (may be repeated)', collect)
    .option('-i, --ignore-case', 'upper and lower case are the same')
    .option('-l, --long', 'with mode, owner, size and time')
    .option('-O, --oldest <time>', 'only what was modified at this time or later: 2026-11-30, "2026-11-30 18:00"')
    .option('-N, --newest <time>', 'only what was modified at this time or before')
    .option('--blob', 'the patterns are ids of blobs: show the files that use them')
    .option('--tree', 'the patterns are ids of trees: show the folders that they are')
    .option('--pack', 'the patterns are ids of packs: show what uses their blobs')
    .option('--show-pack-id', 'with --blob or --tree: also which pack each is in')
    .option('-R, --reverse', 'the oldest snapshot first');
  withFilterOptions(command, true).action((patterns: string[], options: FindOptions) =>
    inSession(
      options,
      ({ repo, signal }) =>
        underSharedLock(repo, { noLock: options.lock === false, signal }, async (held) => {
          const snapshots = await chosenSnapshots(repo, options, held);
          const kinds = [options.blob, options.tree, options.pack].filter(Boolean).length;
          if (kinds > 1) throw new AppError('invalid-input', 'Give only one of --blob, --tree and --pack.');
          const found =
            kinds === 0
              ? await names(repo, snapshots, patterns, options, held)
              : await objects(repo, snapshots, patterns, options, held);
          if (!found && !options.json && !options.quiet) print('Nothing was found.');
        }),
      { threads: true },
    ),
  );
}

async function chosenSnapshots(repo: Repository, options: FindOptions, signal?: AbortSignal): Promise<Snapshot[]> {
  const filter = { ...filterOf(options), signal };
  const chosen = new Map<string, Snapshot>();
  for (const id of options.snapshot ?? []) {
    const { snapshot } = await resolveSnapshot(repo, id, filter);
    chosen.set(snapshot.id, snapshot);
  }
  if (chosen.size > 0) return [...chosen.values()];
  const all = await listSnapshots(repo, { ...filter, onProblem: partialOn(options) });
  return options.reverse ? all : all.reverse();
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d))?)?$/;

/** Local time where no zone is given, as restic reads it. */
function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const match = TIME.exec(text);
  const [, year, month, day, hour = 0, minute = 0, second = 0] = (match ?? []).map((part) => Number(part ?? 0));
  const time = match
    ? new Date(Number(year), Number(month) - 1, Number(day), hour, minute, second)
    : /^\d{4}-\d\d-\d\dT/.test(text)
      ? new Date(text)
      : new Date(Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new AppError('invalid-input', {
    message: `"${text}" is not a time.`,
    hint: 'Write it as 2026-11-30, "2026-11-30 18:00" or "2026-11-30 18:00:30".',
  });
}

/** restic's form, one array, written as it is found: a search of a large repository may find a great deal. */
class JsonArray {
  #first = true;

  add(value: unknown): void {
    process.stdout.write(`${this.#first ? '[' : ','}${JSON.stringify(value)}`);
    this.#first = false;
  }

  end(): void {
    process.stdout.write(this.#first ? '[]\n' : ']\n');
  }
}

async function names(
  repo: Repository,
  snapshots: readonly Snapshot[],
  patterns: readonly string[],
  options: FindOptions,
  signal?: AbortSignal,
): Promise<boolean> {
  const { ignoreCase } = options;
  const [oldest, newest] = [timeOf(options.oldest), timeOf(options.newest)];
  const array = new JsonArray();
  let group: { snapshot: Snapshot; matches: unknown[] } | undefined;
  const endGroup = () => {
    if (group && options.json) {
      array.add({ matches: group.matches, hits: group.matches.length, snapshot: group.snapshot.id });
    }
  };
  const onProblem = partialOn(options);
  for await (const found of findEntries(repo, snapshots, patterns, { ignoreCase, oldest, newest, onProblem, signal })) {
    if (group?.snapshot !== found.snapshot) {
      endGroup();
      if (!options.json) {
        if (group) print();
        print(`In snapshot ${found.snapshot.id.slice(0, 8)} of ${clock(found.snapshot.time)}:`);
      }
      group = { snapshot: found.snapshot, matches: [] };
    }
    if (options.json) group.matches.push(matchJson(found));
    else printEntry(found.entry, { long: options.long });
  }
  endGroup();
  if (options.json) array.end();
  return group !== undefined;
}

function matchJson({ node, entry }: FoundEntry) {
  const { type, mode, mtime, atime, ctime, uid, gid, user, group, inode, deviceId, size, links } = node;
  // JSON.rawJSON keeps numbers above 2^53 as they are; TypeScript's library does not know it yet.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const exact = (value: bigint | undefined) => (value ? rawJSON(String(value)) : undefined);
  return {
    path: entry.path,
    permissions: modeText(type, mode),
    type,
    mode,
    mtime,
    atime,
    ctime,
    uid,
    gid,
    user,
    group,
    inode: exact(inode),
    device_id: exact(deviceId),
    size: size || undefined,
    links,
    linktarget: entry.linkTarget,
  };
}

async function objects(
  repo: Repository,
  snapshots: readonly Snapshot[],
  ids: readonly string[],
  options: FindOptions,
  signal?: AbortSignal,
): Promise<boolean> {
  const query = options.blob ? { blobs: ids } : options.tree ? { trees: ids } : { packs: ids };
  const array = new JsonArray();
  const packs = new Map<string, FoundObject>();
  let any = false;
  for await (const found of findObjects(repo, snapshots, query, { onProblem: partialOn(options), signal })) {
    any = true;
    const { type, id, path, parentTree, snapshot } = found;
    if (options.showPackId) packs.set(`${type} ${id}`, found);
    if (options.json) {
      const place = { path, parent_tree: parentTree, snapshot: snapshot.id, time: snapshot.time };
      array.add({ object_type: type, id, ...place });
      continue;
    }
    print(`${type} ${id}`);
    print(`  ${type === 'blob' ? `in file ${path} (tree ${parentTree})` : `is folder ${path}`}`);
    print(`  in snapshot ${snapshot.id.slice(0, 8)} of ${clock(snapshot.time)}`);
  }
  if (options.json) array.end();
  for (const { type, id } of packs.values()) {
    const place = repo.lookup(type === 'blob' ? 'data' : 'tree', id);
    if (place && !options.json)
      print(`${type} ${id} is in pack ${place.pack}, ${place.length} bytes from ${place.offset}`);
  }
  return any;
}
