// The rows of recovery points are an index of the snapshots in the repositories. A snapshot gets its row after it exists, so a worker
// that dies in between leaves one without: it is found again here, by what the snapshot says about itself.

import { z } from 'zod';
import {
  findNewestPoint,
  findRunProblems,
  listRecordedSnapshots,
  type NewRecoveryPoint,
  recordRecoveryPoint,
} from '#lib/db/run-facts.ts';
import type { Repository } from '#lib/engine/repository/repository.ts';
import type { Snapshot, SnapshotId } from '#lib/engine/types.ts';
import { loadSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { news } from '#lib/live/instance.ts';

const SOURCE_TAG = 'holdfast:source=';
const RUN_TAG = 'holdfast:run=';

/** Tags with which a snapshot remembers where it came from, even when the console is gone. */
export function snapshotTags(sourceId: string, runId: string): string[] {
  return [`${SOURCE_TAG}${sourceId}`, `${RUN_TAG}${runId}`];
}

/** The row of a snapshot. A snapshot of another program has no source, and no figures when it is of an old restic. */
function pointOf(vaultId: string, snapshot: Snapshot, problemCount: number): NewRecoveryPoint {
  const { summary } = snapshot;
  return {
    vaultId,
    sourceId: taggedId(snapshot, SOURCE_TAG),
    runId: taggedId(snapshot, RUN_TAG),
    snapshotId: snapshot.id,
    treeId: snapshot.tree,
    time: new Date(snapshot.time),
    hostname: snapshot.hostname ?? '',
    paths: snapshot.paths,
    files: summary?.total_files_processed ?? 0,
    bytes: summary?.total_bytes_processed ?? 0,
    addedBytes: summary?.data_added ?? 0,
    storedBytes: summary?.data_added_packed ?? 0,
    problemCount,
  };
}

function taggedId(snapshot: Snapshot, prefix: string): string | null {
  const tag = snapshot.tags?.find((known) => known.startsWith(prefix));
  // Anyone who can write to the repository can write tags.
  return z.uuid().safeParse(tag?.slice(prefix.length)).data ?? null;
}

/** Records a snapshot that was just made; doing it twice is harmless. Returns the id of the recovery point. */
export async function recordSnapshot(vaultId: string, snapshot: Snapshot, problemCount: number): Promise<string> {
  const { id } = await recordRecoveryPoint(pointOf(vaultId, snapshot, problemCount));
  news({ type: 'changed', noun: 'recovery-point', id });
  return id;
}

/** Records every snapshot of the vault that has no row yet, and returns how many there were. Reads only the unknown ones. */
export async function reconcileVault(
  vaultId: string,
  repository: Repository,
  signal?: AbortSignal,
): Promise<{ added: number; unreadable: string[] }> {
  const known = await listRecordedSnapshots(vaultId);
  const unknown: SnapshotId[] = [];
  for await (const { id } of repository.listFiles('snapshot', signal ? { signal } : {})) {
    if (!known.has(id)) unknown.push(id);
  }
  const unreadable: string[] = [];
  let added = 0;
  for (const id of unknown) {
    let snapshot: Snapshot;
    try {
      snapshot = await loadSnapshot(repository, id, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      // Forgotten meanwhile, or damaged: a check says more, and one bad file must not keep the others from being found.
      unreadable.push(id);
      continue;
    }
    const runId = taggedId(snapshot, RUN_TAG);
    await recordSnapshot(vaultId, snapshot, runId ? await findRunProblems(runId) : 0);
    added++;
  }
  return { added, unreadable };
}

/** A backup far smaller than the one before it is suspicious even when every file in it could be read. */
const SMALL_SHARE = 0.1;
const SMALL_MATTERS_FROM = 100;

/** Sentences about a backup that looks too small. Call it before the new point is recorded. */
export async function sizeWarnings(
  sourceId: string,
  now: { files: number; empty: boolean; path: string },
): Promise<string[]> {
  const before = await findNewestPoint(sourceId);
  const had =
    before && before.files > 0 ? ` The recovery point before had ${before.files.toLocaleString('en')} files.` : '';
  if (now.empty) {
    return [`The folder "${now.path}" is empty: there is nothing in this recovery point.${had}`];
  }
  if (before && before.files >= SMALL_MATTERS_FROM && now.files < before.files * SMALL_SHARE) {
    return [`Only ${now.files.toLocaleString('en')} files were found.${had} Is everything mounted?`];
  }
  return [];
}
