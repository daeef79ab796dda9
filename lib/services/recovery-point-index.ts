// The rows of recovery points are an index of the snapshots in the repositories. A snapshot gets its row after it exists, so a worker
// that dies in between leaves one without: it is found again here, by what the snapshot says about itself.

import { z } from 'zod';
import {
  findRunProblems,
  listRecordedSnapshots,
  type NewRecoveryPoint,
  recordRecoveryPoint,
  settleMissingPoints,
} from '#lib/db/run-facts.ts';
import type { Repository } from '#lib/engine/repository/repository.ts';
import type { CheckFinding, Snapshot, SnapshotId } from '#lib/engine/types.ts';
import { loadSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { AppError } from '#lib/errors.ts';
import { news } from '#lib/live/instance.ts';

const SOURCE_TAG = 'holdfast:source=';
const RUN_TAG = 'holdfast:run=';

/** Tags with which a snapshot remembers where it came from, even when the console is gone. */
export function snapshotTags(sourceId: string, runId: string): string[] {
  return [`${SOURCE_TAG}${sourceId}`, `${RUN_TAG}${runId}`];
}

/** What PostgreSQL stores and JavaScript prints: years 1 to 9999. Go's zero time is the first of them. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * The row of a snapshot. A snapshot of another program has no source, and no figures when it is of an old restic. Anyone who can
 * write to the repository can write anything into it, so nothing is passed on that the database would refuse.
 * Throws 'repository-damaged' for a time that does not exist.
 */
function pointOf(vaultId: string, snapshot: Snapshot, problemCount: number): NewRecoveryPoint {
  const { summary } = snapshot;
  const time = new Date(snapshot.time);
  if (!(time.getTime() >= EARLIEST_MS && time.getTime() <= LATEST_MS)) {
    throw new AppError('repository-damaged', {
      message: `Snapshot ${snapshot.id.slice(0, 8)} has a time that does not exist: ${snapshot.time.slice(0, 40)}.`,
    });
  }
  return {
    vaultId,
    sourceId: taggedId(snapshot, SOURCE_TAG),
    runId: taggedId(snapshot, RUN_TAG),
    snapshotId: snapshot.id,
    treeId: snapshot.tree,
    time,
    hostname: storableText(snapshot.hostname),
    paths: snapshot.paths.map(storableText),
    files: figure(summary?.total_files_processed),
    bytes: figure(summary?.total_bytes_processed),
    addedBytes: figure(summary?.data_added),
    storedBytes: figure(summary?.data_added_packed),
    problemCount,
  };
}

/** PostgreSQL's text knows neither NUL nor half a surrogate pair; JSON does. */
function storableText(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll('\0', '\uFFFD').toWellFormed() : '';
}

function figure(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
}

function taggedId(snapshot: Snapshot, prefix: string): string | null {
  const tags: unknown[] = Array.isArray(snapshot.tags) ? snapshot.tags : [];
  const tag = tags.find((known) => typeof known === 'string' && known.startsWith(prefix)) as string | undefined;
  return z.uuid().safeParse(tag?.slice(prefix.length)).data ?? null;
}

/**
 * Records a snapshot that was just made; doing it twice is harmless. Returns the id of the recovery point. Who made it knows how many
 * problems there were, so that count stands even when somebody else has found the snapshot and recorded it first.
 */
export async function recordSnapshot(vaultId: string, snapshot: Snapshot, problemCount: number): Promise<string> {
  const { id } = await recordRecoveryPoint(pointOf(vaultId, snapshot, problemCount), { final: true });
  news({ type: 'changed', noun: 'recovery-point', id });
  return id;
}

/**
 * Records every snapshot of the vault that has no row yet, and returns how many there were. Reads only the unknown ones. Those that
 * were missing and are back lose their mark; only a check marks, because it is a check that reports.
 */
export async function reconcileVault(
  vaultId: string,
  repository: Repository,
  signal?: AbortSignal,
): Promise<{ added: number; unreadable: string[] }> {
  const known = await listRecordedSnapshots(vaultId);
  const unknown: SnapshotId[] = [];
  const back: SnapshotId[] = [];
  for await (const { id } of repository.listFiles('snapshot', signal ? { signal } : {})) {
    const row = known.get(id);
    if (row === undefined) unknown.push(id);
    else if (row.missing) back.push(id);
  }
  if (back.length > 0) {
    const { found } = await settleMissingPoints(vaultId, [], back);
    for (const id of found) news({ type: 'changed', noun: 'recovery-point', id });
  }
  const unreadable: string[] = [];
  let added = 0;
  for (const id of unknown) {
    let point: NewRecoveryPoint;
    try {
      point = pointOf(vaultId, await loadSnapshot(repository, id, signal), 0);
    } catch (error) {
      if (signal?.aborted) throw error;
      // Forgotten meanwhile, or damaged: a check says more, and one bad file must not keep the others from being found.
      unreadable.push(id);
      continue;
    }
    // Outside the try: a database that does not answer is no fault of the snapshot.
    const problemCount = point.runId ? await findRunProblems(point.runId) : 0;
    const recorded = await recordRecoveryPoint({ ...point, problemCount });
    news({ type: 'changed', noun: 'recovery-point', id: recorded.id });
    added++;
  }
  return { added, unreadable };
}

/**
 * Marks the recovery points whose snapshot is gone (deleted by another program, or lost with its file) and takes the mark off those
 * that came back. Only what was not known before is a finding: it is reported once, and the mark stays. `recorded` is from before the
 * listing, so that a snapshot made meanwhile is not missed.
 */
export async function settleMissing(
  vaultId: string,
  recorded: ReadonlyMap<string, { missing: boolean }>,
  repository: Repository,
  signal?: AbortSignal,
): Promise<CheckFinding[]> {
  const gone = new Set([...recorded].filter(([, { missing }]) => !missing).map(([id]) => id));
  const there: string[] = [];
  for await (const { id } of repository.listFiles('snapshot', signal ? { signal } : {})) {
    gone.delete(id);
    if (recorded.get(id)?.missing) there.push(id);
  }
  const { lost, found } = await settleMissingPoints(vaultId, [...gone], there);
  for (const id of [...lost.map((point) => point.id), ...found]) news({ type: 'changed', noun: 'recovery-point', id });
  return lost.map(({ snapshotId, time, sourceName }) => ({
    severity: 'error',
    kind: 'missing-snapshot',
    message: `The recovery point${sourceName ? ` of "${sourceName}"` : ''} made at ${time.toISOString()} is missing: its snapshot ${snapshotId.slice(0, 8)} is no longer in the repository.`,
    snapshot: snapshotId as SnapshotId,
  }));
}

/** A backup far smaller than the one before it is suspicious even when every file in it could be read. */
const SMALL_SHARE = 0.1;
const SMALL_MATTERS_FROM = 100;

/** Sentences about a backup that looks too small. `before` is the newest point from before the backup: soon after, that is its own. */
export function sizeWarnings(
  before: { files: number } | null,
  now: { files: number; empty: boolean; path: string },
): string[] {
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
