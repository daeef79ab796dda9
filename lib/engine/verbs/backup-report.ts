// What a backup tells: its problems, its progress, its summary.

import { formatDate } from '../format/time.ts';
import type { BackupProgress, Problem, SnapshotSummary } from '../types.ts';
import type { BackupSession } from './backup-session.ts';

const MAX_PROBLEMS = 1000;

/** Problems that mean content was there and could not be stored. */
export const UNREADABLE = new Set(['open', 'read', 'list', 'stat']);

export class ProblemList {
  readonly #onProblem: ((problem: Problem) => void) | undefined;
  readonly first: Problem[] = [];
  count = 0;
  unreadable = 0;

  constructor(onProblem: ((problem: Problem) => void) | undefined) {
    this.#onProblem = onProblem;
  }

  add(problem: Problem): void {
    this.count += 1;
    if (UNREADABLE.has(problem.during)) this.unreadable += 1;
    if (this.first.length < MAX_PROBLEMS) this.first.push(problem);
    this.#onProblem?.(problem);
  }
}

export function progressOf(
  session: BackupSession,
  phase: BackupProgress['phase'],
  problems: ProblemList,
): BackupProgress {
  const { filesDone, bytesDone, dataAddedPacked } = session.counters();
  return {
    phase,
    totalFiles: session.counted?.files,
    totalBytes: session.counted?.bytes,
    filesDone,
    bytesDone,
    bytesStored: dataAddedPacked,
    currentPath: session.currentPath(),
    problems: problems.count,
  };
}

export function summaryOf(session: BackupSession, started: Date): SnapshotSummary {
  const counters = session.counters();
  return {
    backup_start: formatDate(started),
    backup_end: formatDate(new Date()),
    files_new: counters.filesNew,
    files_changed: counters.filesChanged,
    files_unmodified: counters.filesUnmodified,
    dirs_new: counters.dirsNew,
    dirs_changed: counters.dirsChanged,
    dirs_unmodified: counters.dirsUnmodified,
    data_blobs: counters.dataBlobs,
    tree_blobs: counters.treeBlobs,
    data_added: counters.dataAdded,
    data_added_packed: counters.dataAddedPacked,
    total_files_processed: counters.filesDone,
    total_bytes_processed: counters.bytesDone,
  };
}
