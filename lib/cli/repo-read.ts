// Commands that look into a repository: snapshots, ls, dump.

import { open } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { modeText } from '#lib/engine/format/mode.ts';
import type { Entry, Problem, Snapshot } from '#lib/engine/types.ts';
import { openFile } from '#lib/engine/verbs/dump.ts';
import { dumpArchive } from '#lib/engine/verbs/dump-archive.ts';
import { entryOf, findNode, walkTree } from '#lib/engine/verbs/ls-walk.ts';
import { listSnapshots, resolveSnapshot, type SnapshotFilter } from '#lib/engine/verbs/snapshots.ts';
import { AppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { bytes, clock, counted, LiveLine, print, printJson, printTable } from './output.ts';
import { printProblem } from './repo-backup.ts';
import { type CommonOptions, collect, inSession, withCommonOptions, withLockOption } from './session.ts';

export interface FilterOptions extends CommonOptions {
  host?: string | string[];
  tag?: string[];
  path?: string[];
}

function withReadOptions(command: Command, takesLock = false): Command {
  return withLockOption(withCommonOptions(command), takesLock);
}

export function withFilterOptions(command: Command, takesLock = false): Command {
  return withReadOptions(
    command
      .option('-H, --host <name>', 'only snapshots of this host (may be repeated)', collect)
      .option('--tag <tags>', 'only snapshots with all of these tags, separated by commas (may be repeated)', collect)
      .option('--path <path>', 'only snapshots of this path (may be repeated: of all of them)', collect),
    takesLock,
  );
}

export function filterOf({ host = [], tag = [], path }: FilterOptions): SnapshotFilter {
  const tagLists = tag.map((tags) => tags.split(',').filter((one) => one !== ''));
  return { hostnames: [host].flat(), tagLists, paths: path };
}

/** A problem while reading is told, and makes the command end as partial. */
export function partialOn(options: CommonOptions): (problem: Problem) => void {
  const live = new LiveLine(true);
  return (problem) => {
    process.exitCode = EXIT.partial;
    printProblem(problem, options, live);
  };
}

export function addSnapshots(repo: Command): void {
  const command = repo
    .command('snapshots')
    .description('list the snapshots, oldest first')
    .argument('[id...]', 'only these');
  withFilterOptions(command).action((ids: string[], options: FilterOptions) =>
    inSession(options, async ({ repo, signal }) => {
      const all = await listSnapshots(repo, { ...filterOf(options), onProblem: partialOn(options), signal });
      const wanted = new Set<string>();
      for (const id of ids) wanted.add((await resolveSnapshot(repo, id, { ...filterOf(options), signal })).snapshot.id);
      const shown = ids.length === 0 ? all : all.filter(({ id }) => wanted.has(id));
      if (options.json) printJson(shown.map((snapshot) => ({ ...snapshot, short_id: snapshot.id.slice(0, 8) })));
      else printSnapshots(shown);
    }),
  );
}

function printSnapshots(snapshots: readonly Snapshot[]): void {
  if (snapshots.length === 0) {
    print('No snapshots yet.');
    return;
  }
  const rows = snapshots.map(({ id, time, hostname, tags, paths, summary }) => [
    id.slice(0, 8),
    clock(time),
    hostname ?? '',
    tags?.join(',') ?? '',
    summary ? bytes(summary.total_bytes_processed) : '',
    paths.join(', '),
  ]);
  printTable(['ID', 'Time', 'Host', 'Tags', 'Size', 'Paths'], rows, [4]);
  print();
  print(counted(snapshots.length, 'snapshot'));
}

export function addLs(repo: Command): void {
  const command = repo
    .command('ls')
    .description('list what a snapshot holds')
    .argument('<snapshot>', '"latest", an id or its first digits; with ":<folder>" only that folder')
    .argument('[folder...]', 'only what is directly in these folders')
    .option('-l, --long', 'with mode, owner, size and time')
    .option('--recursive', 'also what is below the given folders');
  withFilterOptions(command).action(
    (reference: string, folders: string[], options: FilterOptions & { long?: boolean; recursive?: boolean }) =>
      inSession(options, async ({ repo, signal }) => {
        const { snapshot, folder } = await resolveSnapshot(repo, reference, { ...filterOf(options), signal });
        const roots = folders.length > 0 ? folders : [folder];
        if (options.json) {
          printJson({
            message_type: 'snapshot',
            struct_type: 'snapshot',
            ...snapshot,
            short_id: snapshot.id.slice(0, 8),
          });
        }
        const onProblem = partialOn(options);
        for (const root of roots) {
          const node = await findNode(repo, snapshot.tree, root, signal);
          const path = `/${root.split('/').filter(Boolean).join('/')}`;
          if (node) printEntry(entryOf(node, path), options);
          if (node && node.type !== 'dir') continue;
          const enter = () => folders.length === 0 || options.recursive === true;
          for await (const walked of walkTree(repo, node?.subtree ?? snapshot.tree, {
            path,
            enter,
            onProblem,
            signal,
          })) {
            printEntry(entryOf(walked.node, walked.path), options);
          }
        }
      }),
  );
}

export function printEntry(entry: Entry, options: { json?: boolean; long?: boolean }): void {
  if (options.json) {
    const { name, type, path, uid, gid, size, mode, mtime } = entry;
    const permissions = modeText(type, mode);
    const facts = { name, type, path, uid, gid, size: type === 'file' ? size : undefined, mode, permissions, mtime };
    printJson({ message_type: 'node', struct_type: 'node', ...facts });
  } else print(options.long ? longLine(entry) : entry.path);
}

function longLine({ type, mode, uid, gid, user, group, size, mtime, path, linkTarget }: Entry): string {
  const owner = `${user ?? uid} ${group ?? gid}`;
  const link = linkTarget === undefined ? '' : ` -> ${linkTarget}`;
  return `${modeText(type, mode)} ${owner.padEnd(14)} ${String(size).padStart(12)} ${clock(mtime)} ${path}${link}`;
}

export function addDump(repo: Command): void {
  const command = repo
    .command('dump')
    .description('write a file to standard output, a folder as an archive')
    .argument('<snapshot>', '"latest", an id or its first digits')
    .argument('<path>', 'file or folder in the snapshot')
    .addOption(new Option('-a, --archive <format>', 'format of a folder').choices(['tar', 'zip']).default('tar'))
    .option('-t, --target <file>', 'write to this file instead');
  type DumpOptions = FilterOptions & { archive: 'tar' | 'zip'; target?: string };
  withFilterOptions(command).action((reference: string, path: string, options: DumpOptions) =>
    inSession(
      options,
      async ({ repo, signal }) => {
        const { snapshot, folder } = await resolveSnapshot(repo, reference, { ...filterOf(options), signal });
        const full = folder === '/' ? path : `${folder}/${path}`;
        const node = await findNode(repo, snapshot.tree, full, signal);
        const onProblem = partialOn(options);
        const output = options.target ? await newFile(options.target) : undefined;
        const content =
          node?.type === 'file'
            ? Readable.from((await openFile(repo, node, { signal })).content)
            : await dumpArchive(repo, snapshot.id, [full], { format: options.archive, onProblem, signal });
        if (output) await pipeline(content, output, { signal });
        // Standard output is Node's to close.
        else await pipeline(content, process.stdout, { signal, end: false });
      },
      { threads: true },
    ),
  );
}

async function newFile(path: string): Promise<Writable> {
  try {
    return (await open(path, 'wx')).createWriteStream();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new AppError('conflict', { message: `The file "${path}" exists already; it was left alone.`, cause });
    throw new AppError('invalid-input', { message: `The file "${path}" cannot be written: ${message}.`, cause });
  }
}
