import type { Repository } from '../repository/repository.ts';

export interface LockChoice {
  /** Reads without a lock: for stores that cannot be written to. Nobody must prune meanwhile. */
  noLock?: boolean;
  signal?: AbortSignal;
}

/** Runs long reading work under a shared lock, so that nobody prunes what it is about to read. */
export async function underSharedLock<T>(
  repo: Repository,
  { noLock, signal }: LockChoice,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (noLock) return work(signal);
  const lock = await repo.lock('shared', { signal });
  try {
    return await work(signal ? AbortSignal.any([signal, lock.signal]) : lock.signal);
  } finally {
    await lock.release();
  }
}
