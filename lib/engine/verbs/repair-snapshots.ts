// Rewriting snapshots that need blobs the repository no longer has, as "restic repair snapshots" does: a file loses the
// missing parts of its content, a folder whose tree cannot be read becomes an empty one. The index is the truth about what
// is there, so the index comes first: "repair index", then "repair packs" for damaged ones, then this.
//
// Run again, it finds the snapshots it made and makes no second ones.
//
// A repaired snapshot keeps everything else and names the one it was made from as `original`. It is tagged "repaired";
// with `forget` it takes the other's place instead and the tags stay as they are. Unlike restic, a snapshot of which
// nothing is left is removed with `forget` only: without it nothing is ever deleted.

import { AppError } from '#lib/errors.ts';
import { BlobSaver } from '../repository/blob-saver.ts';
import type { HeldLock } from '../repository/lock.ts';
import type { Repository } from '../repository/repository.ts';
import { throttled } from '../restore/plan-items.ts';
import type { PathText, Snapshot, SnapshotId } from '../types.ts';
import { mayWrite } from './repair-index-files.ts';
import { TreeRepair } from './repair-trees.ts';
import { listSnapshots, loadSnapshot } from './snapshots.ts';

export interface RepairSnapshotsProgress {
  /** Snapshots. */
  done: number;
  total: number;
  trees: number;
}

export interface RepairSnapshotsOptions {
  /** Default all. */
  snapshots?: readonly SnapshotId[];
  /** Remove the snapshots that were repaired, and those of which nothing is left. */
  forget?: boolean;
  dryRun?: boolean;
  onProgress?: (progress: RepairSnapshotsProgress) => void;
  signal?: AbortSignal;
}

export interface RepairedPath {
  kind: 'shortened-file' | 'corrected-size' | 'removed-entry' | 'emptied-folder' | 'sorted-folder';
  path: PathText;
  message: string;
  /** The first snapshot it was found in; others may share it. */
  snapshot: SnapshotId;
}

export interface RepairedSnapshot {
  snapshot: Snapshot;
  /** 'lost': not even its top folder can be read. */
  outcome: 'repaired' | 'lost';
  /** The new snapshot, or the one that an earlier repair made; undefined after a dry run and for a lost one. */
  replacement?: Snapshot;
  removed: boolean;
}

export interface RepairSnapshotsResult {
  dryRun: boolean;
  /** Snapshots that were looked at. */
  snapshots: number;
  changed: RepairedSnapshot[];
  /** The first 10,000. */
  paths: RepairedPath[];
  pathCount: number;
  /** Snapshot files that cannot be read. They stay; "forget" removes them. */
  unreadable: { message: string }[];
}

const MAX_PATHS = 10_000;

export async function repairSnapshots(
  repo: Repository,
  options: RepairSnapshotsOptions = {},
): Promise<RepairSnapshotsResult> {
  const lock = await repo.lock(options.dryRun ? 'shared' : 'exclusive', { signal: options.signal });
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, lock.signal]) : lock.signal;
    return await repairUnderLock(repo, options, lock, signal);
  } finally {
    await lock.release();
  }
}

async function repairUnderLock(
  repo: Repository,
  options: RepairSnapshotsOptions,
  lock: HeldLock,
  signal: AbortSignal,
): Promise<RepairSnapshotsResult> {
  const { dryRun = false, forget = false } = options;
  const result: RepairSnapshotsResult = {
    dryRun,
    snapshots: 0,
    changed: [],
    paths: [],
    pathCount: 0,
    unreadable: [],
  };
  const snapshots = options.snapshots
    ? await Promise.all(options.snapshots.map((id) => loadSnapshot(repo, id, signal)))
    : await listSnapshots(repo, { signal, onProblem: ({ message }) => result.unreadable.push({ message }) });
  result.snapshots = snapshots.length;
  await repo.loadIndex({ signal });
  await refuseMissingPacks(repo, signal);

  const report = throttled(options.onProgress);
  let done = 0;
  let current: SnapshotId | undefined;
  const saver = dryRun ? undefined : new BlobSaver(repo, lock, { work: 'repair of snapshots', signal });
  try {
    const trees = new TreeRepair(repo, saver, {
      signal,
      onTree: () => report(() => ({ done, total: snapshots.length, trees: trees.count })),
      onChange: (change) => {
        result.pathCount += 1;
        if (result.paths.length < MAX_PATHS) result.paths.push({ ...change, snapshot: current as SnapshotId });
      },
    });
    const repaired: { changed: RepairedSnapshot; tree: Snapshot['tree'] | undefined }[] = [];
    for (const snapshot of snapshots) {
      current = snapshot.id;
      const tree = await trees.repair(snapshot.tree);
      done += 1;
      if (tree === snapshot.tree) continue;
      const changed: RepairedSnapshot = { snapshot, outcome: tree ? 'repaired' : 'lost', removed: false };
      changed.replacement = snapshots.find(({ original, tree: made }) => original === snapshot.id && made === tree);
      repaired.push({ changed, tree });
      result.changed.push(changed);
    }
    // The trees of all of them first: they share packs, and an index.
    if (saver) {
      const proof = await saver.finish();
      for (const { changed, tree } of repaired) {
        const { snapshot, replacement } = changed;
        if (tree && !replacement) {
          changed.replacement = await saver.writer.writeSnapshot(proof, replacementOf(snapshot, tree, forget));
        }
        if (!forget) continue;
        mayWrite(repo, { lock, signal, work: 'repair of snapshots' });
        await repo.removeFile('snapshot', snapshot.id, { signal });
        changed.removed = true;
      }
    }
    report(() => ({ done, total: snapshots.length, trees: trees.count }), true);
  } finally {
    await saver?.close();
  }
  return result;
}

function replacementOf(snapshot: Snapshot, tree: Snapshot['tree'], forget: boolean): Omit<Snapshot, 'id'> {
  const { id, ...rest } = snapshot;
  const tags = forget || snapshot.tags?.includes('repaired') ? snapshot.tags : [...(snapshot.tags ?? []), 'repaired'];
  return { ...rest, tree, tags, original: id };
}

/** A pack that is gone, but listed, would make files look whole. */
async function refuseMissingPacks(repo: Repository, signal: AbortSignal): Promise<void> {
  const there = new Set<string>();
  for await (const { id } of repo.listFiles('pack', { signal })) there.add(id);
  let missing = 0;
  for (const { id } of repo.packs()) if (!there.has(id)) missing += 1;
  if (missing === 0) return;
  throw new AppError('conflict', {
    message: `The index lists ${missing === 1 ? 'a pack' : `${missing} packs`} that the repository does not have; no snapshot was changed.`,
    hint: 'Run "repair index" first.',
  });
}
