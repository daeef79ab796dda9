// Commands that mend a damaged repository, in the order in which they are of use: index, packs, snapshots.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { SnapshotId } from '#lib/engine/types.ts';
import { type RepairIndexResult, repairIndex } from '#lib/engine/verbs/repair-index.ts';
import { type RepairPacksResult, repairPacks } from '#lib/engine/verbs/repair-packs.ts';
import { type RepairSnapshotsResult, repairSnapshots } from '#lib/engine/verbs/repair-snapshots.ts';
import { listSnapshots, resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { EXIT } from './exit.ts';
import { counted, LiveLine, number, print, printJson } from './output.ts';
import { type FilterOptions, filterOf, withFilterOptions } from './repo-read.ts';
import { type CommonOptions, inSession, type Session, withCommonOptions } from './session.ts';

interface IndexOptions extends CommonOptions {
  readAllPacks?: boolean;
  dryRun?: boolean;
}

interface PacksOptions extends CommonOptions {
  saveCopiesTo?: string;
  dryRun?: boolean;
}

interface SnapshotsOptions extends FilterOptions {
  forget?: boolean;
  dryRun?: boolean;
}

export function addRepair(repo: Command): void {
  const repair = repo
    .command('repair')
    .description('mend a damaged repository: first index, then packs, then snapshots');
  addRepairIndex(repair);
  addRepairPacks(repair);
  addRepairSnapshots(repair);
  for (const command of repair.commands) command.exitOverride();
}

function addRepairIndex(repair: Command): void {
  const command = repair
    .command('index')
    .description('build the index anew from what the packs say; nothing is lost by it')
    .option('--read-all-packs', 'compare every pack with the index, not only those that do not fit')
    .option('-n, --dry-run', 'change nothing, say what would be done');
  withCommonOptions(command).action((options: IndexOptions) =>
    inSession(options, async ({ repo, signal }) => {
      const live = new LiveLine(Boolean(options.json || options.quiet));
      const { readAllPacks, dryRun } = options;
      const words = {
        index: 'index files',
        packs: 'packs found',
        headers: 'headers read',
        writing: 'writing the index',
      };
      const result = await repairIndex(repo, {
        readAllPacks,
        dryRun,
        signal,
        onProgress: ({ phase, done, total }) => live.show({ done, total, text: `${number(done)} ${words[phase]}` }),
      });
      live.clear();
      printIndexResult(result, options);
    }),
  );
}

function printIndexResult(result: RepairIndexResult, options: IndexOptions): void {
  if (options.json) {
    const { dryRun, packs, headersRead, indexFiles, findings, damagedPacks } = result;
    printJson({
      message_type: 'summary',
      dry_run: dryRun,
      packs,
      headers_read: headersRead,
      index_files: indexFiles,
      findings,
      damaged_packs: damagedPacks,
    });
    return;
  }
  for (const { message } of result.findings) print(message);
  const { kept, written, removed } = result.indexFiles;
  const files = `index files: ${kept} kept, ${written} written, ${removed} removed`;
  if (result.findings.length === 0) print(`The index is right: ${counted(result.packs, 'pack')}.`);
  else print(result.dryRun ? 'Nothing was changed.' : `The index is mended; ${files}.`);
  if (result.damagedPacks.length > 0) {
    print('Next, save what opens of the damaged packs:');
    print(`  holdfast repo repair packs ${result.damagedPacks.join(' ')}`);
  } else if (result.findings.some(({ kind }) => kind === 'missing-pack' || kind === 'damaged-pack')) {
    print(
      'Data is gone. Back up again, which may bring some of it back; then run "check" to see what is left to repair.',
    );
  }
}

function addRepairPacks(repair: Command): void {
  const command = repair
    .command('packs')
    .description('save what still opens of damaged packs into new ones and remove the damaged ones')
    .argument('<pack...>', 'ids of packs, as "check" prints them')
    .option('--save-copies-to <folder>', 'keep a copy of each damaged pack here, as pack-<id>')
    .option('-n, --dry-run', 'change nothing, say what would be done');
  withCommonOptions(command).action((packs: string[], options: PacksOptions) =>
    inSession(
      options,
      async ({ repo, signal }) => {
        const live = new LiveLine(Boolean(options.json || options.quiet));
        const { dryRun, saveCopiesTo } = options;
        const result = await repairPacks(repo, {
          packs,
          dryRun,
          copiesTo: saveCopiesTo && resolve(saveCopiesTo),
          signal,
          onProgress: ({ done, total, blobsSaved }) =>
            live.show({
              done,
              total,
              text: `${done} of ${counted(total, 'pack')}, ${counted(blobsSaved, 'blob')} saved`,
            }),
        });
        live.clear();
        printPacksResult(result, options);
      },
      { threads: true },
    ),
  );
}

function printPacksResult({ dryRun, packs }: RepairPacksResult, options: PacksOptions): void {
  if (options.json) {
    printJson({ message_type: 'summary', dry_run: dryRun, packs });
    return;
  }
  for (const { id, size, blobs, saved, lost } of packs) {
    print(`${id}: ${size === undefined ? 'missing' : `${number(saved)} of ${counted(blobs, 'blob')} saved`}`);
    for (const blob of lost) print(`  lost: ${blob.type} blob ${blob.id}`);
  }
  if (dryRun) print('Nothing was changed.');
  else if (packs.some(({ lost }) => lost.length > 0)) {
    print('Back up again, which may bring lost blobs back; then run "repair snapshots --forget" for what is left.');
  } else print('Nothing was lost.');
}

function addRepairSnapshots(repair: Command): void {
  const command = repair
    .command('snapshots')
    .description('leave out of snapshots what is missing; run it when nothing else helps')
    .argument('[snapshot...]', 'ids, or their first digits (default: all)')
    .option('--forget', 'remove the damaged snapshots that were repaired')
    .option('-n, --dry-run', 'change nothing, say what would be done');
  withFilterOptions(command).action((ids: string[], options: SnapshotsOptions) =>
    inSession(
      options,
      async (session) => {
        const live = new LiveLine(Boolean(options.json || options.quiet));
        const result = await repairSnapshots(session.repo, {
          snapshots: await chosenSnapshots(session, ids, options),
          forget: options.forget,
          dryRun: options.dryRun,
          signal: session.signal,
          onProgress: ({ done, total, trees }) =>
            live.show({ done, total, text: `${done} of ${counted(total, 'snapshot')}, ${counted(trees, 'folder')}` }),
        });
        live.clear();
        printSnapshotsResult(result, options);
      },
      { threads: true },
    ),
  );
}

/** Undefined for all, those that cannot be read included. */
export async function chosenSnapshots(
  { repo, signal }: Session,
  ids: readonly string[],
  options: FilterOptions,
): Promise<SnapshotId[] | undefined> {
  if (ids.length > 0) {
    const found = new Set<SnapshotId>();
    for (const id of ids) found.add((await resolveSnapshot(repo, id, { ...filterOf(options), signal })).snapshot.id);
    return [...found];
  }
  if (!options.host && !options.tag && !options.path) return undefined;
  return (await listSnapshots(repo, { ...filterOf(options), signal })).map(({ id }) => id);
}

function printSnapshotsResult(result: RepairSnapshotsResult, options: SnapshotsOptions): void {
  if (result.unreadable.length > 0) process.exitCode = EXIT.partial;
  if (options.json) {
    const { dryRun, snapshots, changed, paths, pathCount, unreadable } = result;
    const rows = changed.map(({ snapshot, outcome, replacement, removed }) => ({
      snapshot: snapshot.id,
      outcome,
      replacement: replacement?.id,
      removed,
    }));
    printJson({
      message_type: 'summary',
      dry_run: dryRun,
      snapshots,
      changed: rows,
      path_count: pathCount,
      paths,
      unreadable,
    });
    return;
  }
  for (const { message } of result.unreadable) process.stderr.write(`error: ${message}\n`);
  for (const { path, message, snapshot } of result.paths)
    print(`${path} (snapshot ${snapshot.slice(0, 8)}): ${message}`);
  if (result.pathCount > result.paths.length) print(`${number(result.pathCount - result.paths.length)} more.`);
  for (const { snapshot, outcome, replacement, removed } of result.changed) {
    const gone = removed ? ', removed' : '';
    if (outcome === 'lost') print(`Snapshot ${snapshot.id.slice(0, 8)}: nothing is left of it${gone}.`);
    else if (replacement)
      print(`Snapshot ${snapshot.id.slice(0, 8)}: repaired as ${replacement.id.slice(0, 8)}${gone}.`);
    else print(`Snapshot ${snapshot.id.slice(0, 8)}: would be repaired.`);
  }
  if (result.changed.length === 0) print(`${counted(result.snapshots, 'snapshot')}: nothing to repair.`);
  else if (result.dryRun) print('Nothing was changed.');
  else if (!options.forget) print('The damaged snapshots are still there; with --forget they are removed.');
}
