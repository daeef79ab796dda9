// Commands that look after a repository: tag, cat, list, unlock, stats.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Argument, type Command } from 'commander';
import type { FileKind } from '#lib/engine/repository/files.ts';
import { type CatJsonKind, catBlob, catJson, catPack, catTree } from '#lib/engine/verbs/cat.ts';
import { listBlobs, listIds } from '#lib/engine/verbs/list.ts';
import { changeTags } from '#lib/engine/verbs/tag.ts';
import { type LockInfo, planUnlock } from '#lib/engine/verbs/unlock.ts';
import { AppError } from '#lib/errors.ts';
import { clock, counted, duration, print, printJson, printTable } from './output.ts';
import { type FilterOptions, filterOf, partialOn, withFilterOptions } from './repo-read.ts';
import { type CommonOptions, collect, inSession, withCommonOptions, withLockOption } from './session.ts';

interface TagOptions extends FilterOptions {
  set?: string[];
  add?: string[];
  remove?: string[];
}

export function addTag(repo: Command): void {
  const command = repo
    .command('tag')
    .description('change the tags of snapshots')
    .argument('[snapshot...]', 'ids or their first digits, or "latest" (default: all that fit)')
    .option('--set <tags>', 'replace all tags with these, separated by commas; "" removes them all', collect)
    .option('--add <tags>', 'add these tags, separated by commas (may be repeated)', collect)
    .option('--remove <tags>', 'remove these tags, separated by commas (may be repeated)', collect);
  withFilterOptions(command).action((snapshots: string[], options: TagOptions) =>
    inSession(options, async ({ repo, signal }) => {
      const { set, add, remove } = options;
      if (set && (add || remove)) {
        throw new AppError('invalid-input', 'Give either --set, or --add and --remove; not both.');
      }
      const list = (given: string[] = []) => given.flatMap((tags) => tags.split(',')).filter((tag) => tag !== '');
      const change = set ? { set: list(set) } : { add: list(add), remove: list(remove) };
      const replaced = await changeTags(repo, change, {
        ...filterOf(options),
        snapshots,
        onProblem: partialOn(options),
        onChange: ({ before, after }) => {
          if (options.json) {
            printJson({ message_type: 'changed', old_snapshot_id: before.id, new_snapshot_id: after.id });
          } else if (!options.quiet) {
            const tags = after.tags?.length ? `tags ${after.tags.join(', ')}` : 'no tags';
            print(`${before.id.slice(0, 8)} is now ${after.id.slice(0, 8)} with ${tags}`);
          }
        },
        signal,
      });
      if (options.json) printJson({ message_type: 'summary', changed_snapshots: replaced.length });
      else if (replaced.length === 0) print('No snapshot was changed: all that fit have these tags already.');
      else print(`Changed ${counted(replaced.length, 'snapshot')}.`);
    }),
  );
}

const CAT_JSON = new Set<string>(['config', 'masterkey', 'index', 'key', 'lock', 'snapshot']);

export function addCat(repo: Command): void {
  const command = repo
    .command('cat')
    .description('print what is stored')
    .addArgument(new Argument('<kind>', 'what to print').choices([...CAT_JSON, 'pack', 'blob', 'tree']))
    .argument('[id]', 'its id or first digits; "<snapshot>:<folder>" for a tree');
  withLockOption(withCommonOptions(command), false).action(
    (kind: string, id: string | undefined, options: CommonOptions) =>
      inSession(options, async ({ repo, signal }) => {
        if (id === undefined && kind !== 'config' && kind !== 'masterkey') {
          throw new AppError('invalid-input', `Say which ${kind}: its id is missing.`);
        }
        if (CAT_JSON.has(kind)) {
          if (kind === 'masterkey') {
            process.stderr.write(
              'This key opens everything in the repository, whatever its passwords are changed to. Show it to nobody.\n',
            );
          }
          const text = await catJson(repo, kind as CatJsonKind, id ?? '', { signal });
          // As restic: an index can be large, and is printed as it is.
          print(kind === 'index' ? text : JSON.stringify(JSON.parse(text), null, 2));
          return;
        }
        const reference = id as string;
        const content =
          kind === 'pack'
            ? catPack(repo, reference, { signal })
            : [
                kind === 'blob'
                  ? await catBlob(repo, reference, { signal })
                  : await catTree(repo, reference, { signal }),
              ];
        await pipeline(Readable.from(content), process.stdout, { signal, end: false });
      }),
  );
}

const LISTED: Record<string, FileKind> = {
  snapshots: 'snapshot',
  packs: 'pack',
  index: 'index',
  keys: 'key',
  locks: 'lock',
};

export function addList(repo: Command): void {
  const command = repo
    .command('list')
    .description('list the ids of what is stored')
    .addArgument(new Argument('<kind>', 'what to list').choices(['blobs', ...Object.keys(LISTED)]));
  withLockOption(withCommonOptions(command), false).action((kind: string, options: CommonOptions) =>
    inSession(options, async ({ repo, signal }) => {
      if (kind === 'blobs') {
        for await (const { type, id } of listBlobs(repo, { signal })) {
          if (options.json) printJson({ type, id });
          else print(`${type} ${id}`);
        }
        return;
      }
      for await (const id of listIds(repo, LISTED[kind] as FileKind, { signal })) {
        if (options.json) printJson({ id });
        else print(id);
      }
    }),
  );
}

export function addUnlock(repo: Command): void {
  const command = repo
    .command('unlock')
    .description('show the locks and remove the stale ones')
    .option('--remove-all', 'remove all of them: only when nobody is using the repository')
    .option('-n, --dry-run', 'show them, remove nothing');
  type UnlockOptions = CommonOptions & { removeAll?: boolean; dryRun?: boolean };
  withCommonOptions(command).action((options: UnlockOptions) =>
    inSession(options, async ({ repo, signal }) => {
      const plan = await planUnlock(repo, { removeAll: options.removeAll, signal });
      if (options.json) {
        for (const lock of plan.locks) printJson({ message_type: 'lock', ...lock, age: Math.round(lock.age / 1000) });
      } else if (!options.quiet && plan.locks.length > 0) printLocks(plan.locks);
      const removed = options.dryRun ? 0 : await plan.execute();
      const left = plan.locks.length - removed;
      if (options.json) {
        printJson({ message_type: 'summary', removed, remaining: left });
        return;
      }
      if (plan.locks.length === 0) print('The repository is not locked.');
      else if (options.dryRun) print(`Would remove ${counted(plan.remove.length, 'lock')} of ${plan.locks.length}.`);
      else print(`Removed ${counted(removed, 'lock')}, ${left === 0 ? 'none is left' : `${left} left`}.`);
      if (plan.locks.some((lock) => !lock.readable && !plan.remove.includes(lock))) {
        print('What cannot be read stays; --remove-all removes it too, when nobody is using the repository.');
      }
      const live = plan.remove.filter(({ stale, readable }) => !stale && readable);
      if (live.length > 0 && !options.dryRun) {
        print(`${counted(live.length, 'lock')} may have been in use: work under such a lock stops.`);
      }
    }),
  );
}

function printLocks(locks: readonly LockInfo[]): void {
  const rows = locks.map(({ id, exclusive, username, hostname, pid, age, stale, readable }) => [
    id.slice(0, 8),
    readable ? (exclusive ? 'exclusive' : 'shared') : '?',
    readable ? `${username || 'someone'} on ${hostname || 'an unnamed host'}` : '?',
    readable ? String(pid) : '?',
    readable ? (age < 0 ? `-${duration(-age)}` : duration(age)) : '?',
    stale ? 'stale' : readable ? 'in use' : 'unreadable',
  ]);
  printTable(['ID', 'Kind', 'Held by', 'Process', 'Age', 'State'], rows, [3, 4]);
  print();
  for (const { id, time, reason } of locks)
    print(`${id.slice(0, 8)}: ${reason}${time ? ` Since ${clock(time)}.` : ''}`);
}
