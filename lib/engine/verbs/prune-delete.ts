// Deleting many files of a repository. A store may refuse (append-only, object lock) or go away in the middle: what is
// left is told, for nobody may believe it gone.

import { AppError, isAppError } from '#lib/errors.ts';
import type { FileIds, FileKind } from '../repository/files.ts';
import type { HeldLock } from '../repository/lock.ts';
import { inParallel, type Repository } from '../repository/repository.ts';

export interface DeleteOutcome<Id> {
  /** Gone now, also those that were gone before. */
  deleted: Id[];
  left: Id[];
  /** Why the first of them is left. */
  failure?: Error;
}

export interface DeleteOptions {
  lock: HeldLock;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** Object locks refuse some files and not others; a store that refused this many, and allowed none, refuses all. */
const REFUSALS_TO_GIVE_UP = 20;

/** Throws when the lock is lost or the work cancelled; failures of the store are in the outcome. */
export async function deleteFiles<Kind extends FileKind>(
  repo: Repository,
  kind: Kind,
  ids: readonly FileIds[Kind][],
  { lock, onProgress, signal }: DeleteOptions,
): Promise<DeleteOutcome<FileIds[Kind]>> {
  const deleted = new Set<FileIds[Kind]>();
  const combined = signal ? AbortSignal.any([signal, lock.signal]) : lock.signal;
  let failure: Error | undefined;
  let refusals = 0;
  let givenUp = false;
  await inParallel(ids, repo.store.connections, async (id) => {
    if (givenUp) return;
    mayDelete(repo, lock, signal);
    try {
      await repo.removeFile(kind, id, { signal: combined });
    } catch (error) {
      mayDelete(repo, lock, signal);
      if (!isAppError(error, 'not-found')) {
        failure ??= error as Error;
        refusals += 1;
        const refused = isAppError(error, 'permission-denied');
        if (!refused || (refusals >= REFUSALS_TO_GIVE_UP && deleted.size === 0)) givenUp = true;
        return;
      }
    }
    deleted.add(id);
    onProgress?.({ done: deleted.size, total: ids.length });
  });
  return { deleted: [...deleted], left: ids.filter((id) => !deleted.has(id)), failure };
}

function mayDelete(repo: Repository, lock: HeldLock, signal: AbortSignal | undefined): void {
  if (!lock.valid) {
    throw new AppError('repository-locked', {
      message: `The lock on the repository at ${repo.store.location} was lost; nothing more was deleted.`,
      retryable: true,
    });
  }
  if (signal?.aborted) {
    throw new AppError('cancelled', {
      message: 'The work was cancelled before everything was deleted. The repository is whole; run it again to finish.',
      cause: signal.reason,
    });
  }
}
