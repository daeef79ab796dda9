// Backs up one source into one vault. Order: what a dead worker left is recorded first; the snapshot exists before its row.

import { hostname } from 'node:os';
import { findNewestPoint, findSourceFacts } from '#lib/db/run-facts.ts';
import { insertVaultSample } from '#lib/db/vault-samples.ts';
import type { CpuPool } from '#lib/engine/cpu/pool.ts';
import { removeDeadLocks } from '#lib/engine/repository/lock.ts';
import { backup } from '#lib/engine/verbs/backup.ts';
import { repositoryStats } from '#lib/engine/verbs/stats.ts';
import { AppError } from '#lib/errors.ts';
import { news } from '#lib/live/instance.ts';
import { openVault } from '#lib/services/open-vault.ts';
import { reconcileVault, recordSnapshot, sizeWarnings, snapshotTags } from '#lib/services/recovery-point-index.ts';
import type { RunEnd, RunTask } from '#lib/services/run-execution.ts';
import { directoryBackup } from '#lib/sources/directory/backup-input.ts';
import { inspectDirectory } from '#lib/sources/directory/inspect.ts';
import { excludesOfOwnFolders } from '#lib/sources/directory/own-folders.ts';
import { ownFolders } from './own-folders.ts';
import { shownProblems } from './problems.ts';
import { VERSION } from './version.ts';

/** A prune or a check by another program holds a vault to itself, for minutes as a rule: no reason to miss a backup. */
const LOCK_WAIT_MS = 10 * 60_000;

export async function runBackup({ claim, input, signal, report }: RunTask<'backup'>, cpu: CpuPool): Promise<RunEnd> {
  const source = await findSourceFacts(input.sourceId);
  if (!source) throw new AppError('not-found', { message: 'The source of this run was removed.' });
  const { path, excludes } = await directoryBackup(source.config);
  const open = await openVault(input.vaultId, { cpu, signal });
  try {
    report.log('info', `Backing up "${path}" into the vault "${open.vault.name}".`);
    const own = await excludesOfOwnFolders(path, ownFolders(open.vault.store));
    for (const folder of own) report.log('info', `Left out, because it is Holdfast's own: ${folder}`);
    // Of a worker that died while another host settled its run: only this host can tell that it is dead.
    await removeDeadLocks(open.repository, { signal });
    const found = await reconcileVault(input.vaultId, open.repository, signal);
    if (found.added > 0) report.log('info', `Found ${found.added} snapshots that had no recovery point yet.`);
    // Before the snapshot exists: from then on anyone may record it, and it would be compared with itself.
    const before = await findNewestPoint(source.id);
    const done = await backup(open.repository, {
      paths: [path],
      // Last, so that no pattern of the source takes them in again.
      excludes: [...excludes, ...own],
      hostname: hostname(),
      tags: snapshotTags(source.id, claim.runId),
      programVersion: `holdfast ${VERSION}`,
      lockWaitMs: LOCK_WAIT_MS,
      onProgress: ({ totalFiles, totalBytes, ...counters }) =>
        report.progress({ ...counters, filesTotal: totalFiles, bytesTotal: totalBytes }),
      onProblem: (problem) => report.problem(problem),
      signal,
    });
    report.phase('recording');
    const { snapshot, summary, problemCount } = done;
    const warnings = sizeWarnings(before, {
      files: summary.total_files_processed,
      empty: done.emptyPaths.length > 0,
      path,
    });
    const recoveryPointId = await recordSnapshot(input.vaultId, snapshot, problemCount);
    report.log('info', `Snapshot ${snapshot.id.slice(0, 8)} written.`);
    for (const warning of warnings) report.log('warn', warning);
    await insertVaultSample(input.vaultId, await repositoryStats(open.repository));
    news({ type: 'changed', noun: 'vault', id: input.vaultId });
    news({ type: 'changed', noun: 'source', id: source.id });
    await stillThere(path, snapshot.id);
    return {
      recoveryPointId,
      result: {
        kind: 'backup',
        recoveryPointId,
        snapshotId: snapshot.id,
        parentSnapshotId: snapshot.parent ?? null,
        files: summary.total_files_processed,
        filesNew: summary.files_new,
        filesChanged: summary.files_changed,
        filesUnmodified: summary.files_unmodified,
        bytes: summary.total_bytes_processed,
        addedBytes: summary.data_added,
        storedBytes: summary.data_added_packed,
        problemCount,
        problems: shownProblems(done.problems),
        warnings,
      },
    };
  } finally {
    await open.close();
  }
}

/** A disk that is pulled in the middle reads like thousands of vanished files: that is no backup with a few problems. */
async function stillThere(path: string, snapshotId: string): Promise<void> {
  try {
    await inspectDirectory(path);
  } catch (cause) {
    throw new AppError('unavailable', {
      message: `The source vanished while it was read: ${(cause as Error).message} The recovery point ${snapshotId.slice(0, 8)} holds only what was read before.`,
      hint: 'Make the source reachable again and start the backup once more.',
      cause,
    });
  }
}
