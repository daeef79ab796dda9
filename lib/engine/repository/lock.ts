// Repository locks as restic keeps them (internal/repository/lock.go, doc/design.rst): many shared locks or one exclusive
// one. A lock is refreshed by writing a new file and deleting the old. Rules kept here:
// - Acquire: look, write, wait, look again; a conflict takes our lock back. Empty lock files are ignored.
// - A lock that could not be refreshed in time, or that somebody removed, aborts `signal`: whoever holds it must stop
//   before the next write. Before a late lock is given up it is refreshed once more, if it is still there.
// - The later of the wall clock and the monotonic one counts: a suspended machine must find its lock overdue, and a clock
//   that is set back must not keep it from being refreshed.
// - A stale lock of someone else is never stepped over. Only a lock whose holder is provably dead is removed
//   (lock-holder.ts).

import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '#lib/errors.ts';
import { decodeLock, type LockRecord } from '../format/lock.ts';
import type { LockId } from '../types.ts';
import { Held, ignoreHangup, writeLock } from './lock-held.ts';
import { holderIsDead, lockAge, STALE_MS } from './lock-holder.ts';
import type { Repository } from './repository.ts';

export type LockMode = 'shared' | 'exclusive';

export interface LockOptions {
  signal?: AbortSignal;
  /** Keep trying this long while somebody else holds a conflicting lock. Default 0. */
  waitMs?: number;
  /** For tests. */
  timing?: Partial<LockTiming>;
}

export interface LockTiming {
  refreshMs: number;
  /** Without a refresh for this long the lock is lost: restic's 30 min of staleness less one and a half refreshes. */
  lostMs: number;
  /** How often the clock is looked at, and whether the lock is still there: to notice a suspend, or an unlock, soon. */
  watchMs: number;
  recheckMs: number;
  /** Pauses before reading an unreadable lock again: it may be half written on a store that shows that. */
  unreadablePausesMs: readonly number[];
  now: () => number;
}

const MINUTE = 60_000;
const TIMING: LockTiming = {
  refreshMs: 5 * MINUTE,
  lostMs: 22.5 * MINUTE,
  watchMs: 30_000,
  recheckMs: 200,
  unreadablePausesMs: [5_000, 10_000, 20_000],
  now: Date.now,
};
const RETRY_MS = 1_000;

export interface HeldLock {
  readonly mode: LockMode;
  /** Aborted when the lock is lost. Everything done under the lock listens to it. */
  readonly signal: AbortSignal;
  /** False once lost or released, and while a refresh is overdue: no write may follow. */
  readonly valid: boolean;
  /**
   * Resolves while the lock is held, and throws 'repository-locked' when it is lost. An overdue lock is refreshed first,
   * so that work goes on after a suspend. For the last moment before something that others rely on: deleting, a snapshot.
   */
  confirm(): Promise<void>;
  /** Idempotent. A failure to delete is ignored: a shared lock expires, and the work is done. */
  release(): Promise<void>;
}

export async function acquireLock(repo: Repository, mode: LockMode, options: LockOptions): Promise<HeldLock> {
  const timing = { ...TIMING, ...options.timing };
  const deadline = timing.now() + (options.waitMs ?? 0);
  for (;;) {
    try {
      return await tryLock(repo, mode, options, timing);
    } catch (error) {
      if (!isAppError(error, 'repository-locked') || timing.now() + RETRY_MS > deadline) throw error;
      await pause(RETRY_MS, options.signal);
    }
  }
}

async function tryLock(repo: Repository, mode: LockMode, options: LockOptions, timing: LockTiming): Promise<HeldLock> {
  await refuseConflicts(repo, mode, undefined, options.signal, timing);
  // Before the lock can be seen: from then on "restic unlock" may ask for us.
  ignoreHangup(1);
  let id: LockId | undefined;
  try {
    id = await writeLock(repo, mode, timing, options.signal);
    await pause(timing.recheckMs, options.signal);
    await refuseConflicts(repo, mode, id, options.signal, timing);
    return new Held(repo, mode, id, timing);
  } catch (error) {
    ignoreHangup(-1);
    // Best effort, without the signal, which may be what ended it.
    if (id) await repo.removeFile('lock', id).catch(() => undefined);
    throw error;
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    throw new AppError('cancelled', { message: 'Waiting for the lock of the repository was cancelled.', cause });
  }
}

async function refuseConflicts(
  repo: Repository,
  mode: LockMode,
  own: LockId | undefined,
  signal: AbortSignal | undefined,
  timing: LockTiming,
): Promise<void> {
  for await (const { id, size } of repo.listFiles('lock', { signal })) {
    if (id === own || size === 0) continue;
    const lock = await readLock(repo, id, signal, timing);
    if (!lock || (mode === 'shared' && !lock.exclusive)) continue;
    if (holderIsDead(lock)) {
      await repo.removeFile('lock', id, { signal });
      continue;
    }
    throw lockedError(repo, lock, timing);
  }
}

/**
 * Removes the locks whose holder is provably dead, and returns how many there were. Locks that cannot be read, or whose holder may
 * live, stay. Needs no lock of its own: nobody works under what it removes.
 */
export async function removeDeadLocks(repo: Repository, options: { signal?: AbortSignal } = {}): Promise<number> {
  let removed = 0;
  for await (const { id, lock } of readLocks(repo, options)) {
    if (!lock || !holderIsDead(lock)) continue;
    await repo.removeFile('lock', id, options);
    removed += 1;
  }
  return removed;
}

export interface StoredLock {
  id: LockId;
  /** Of the file. Empty files are ignored by everyone: stores that show unfinished files have them. */
  size: number;
  /** Undefined for what cannot be read; `problem` says why. */
  lock?: LockRecord;
  problem?: string;
}

/** Every lock as it lies there, unreadable ones included. */
export async function* readLocks(repo: Repository, options: { signal?: AbortSignal } = {}): AsyncGenerator<StoredLock> {
  for await (const { id, size } of repo.listFiles('lock', options)) {
    if (size === 0) {
      yield { id, size, problem: 'The file is empty; nobody minds it.' };
      continue;
    }
    try {
      yield { id, size, lock: decodeLock(id, await repo.loadUnpacked('lock', id, options)) };
    } catch (error) {
      if (isAppError(error, 'not-found')) continue;
      if (!isAppError(error, 'repository-damaged')) throw error;
      yield { id, size, problem: error.message };
    }
  }
}

function lockedError(repo: Repository, lock: LockRecord, timing: LockTiming): AppError {
  const kind = lock.exclusive ? 'exclusively ' : '';
  const who = `${lock.username || 'someone'} on ${lock.hostname || 'an unnamed host'} (process ${lock.pid})`;
  const stale = lockAge(lock, timing.now()) > STALE_MS;
  return new AppError('repository-locked', {
    message: `The repository at ${repo.store.location} is locked ${kind}by ${who} since ${lock.time}.`,
    hint: stale
      ? 'The lock was not refreshed for over 30 minutes: its holder is probably gone. Run "holdfast repo unlock" or "restic unlock", which remove stale locks.'
      : 'Try again when that work is done.',
    retryable: !stale,
  });
}

/** Undefined when the lock is gone by now. Throws 'repository-locked' for one that stays unreadable. */
async function readLock(
  repo: Repository,
  id: LockId,
  signal: AbortSignal | undefined,
  timing: LockTiming,
): Promise<LockRecord | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      return decodeLock(id, await repo.loadUnpacked('lock', id, { signal }));
    } catch (cause) {
      if (isAppError(cause, 'not-found')) return undefined;
      if (!isAppError(cause, 'repository-damaged')) throw cause;
      const wait = timing.unreadablePausesMs[attempt];
      if (wait === undefined) {
        throw new AppError('repository-locked', {
          message: `The repository at ${repo.store.location} has a lock that cannot be read (${id.slice(0, 8)}).`,
          hint: 'Run "holdfast repo unlock --remove-all" when nobody is using the repository.',
          cause,
        });
      }
      await pause(wait, signal);
    }
  }
}
