// Repository locks as restic keeps them (internal/repository/lock.go, doc/design.rst): many shared locks or one exclusive
// one. A lock is refreshed by writing a new file and deleting the old. Rules kept here:
// - Acquire: look, write, wait, look again; a conflict takes our lock back. Empty lock files are ignored.
// - A lock that could not be refreshed in time aborts `signal`: whoever holds it must stop before the next write.
// - The wall clock counts, not the monotonic one: a suspended machine must find its lock lost.
// - A stale lock of someone else is never stepped over. Only a lock whose holder is provably dead is removed: same
//   machine start, same process namespace, and no process with that id and start time.

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '#lib/errors.ts';
import { decodeLock, encodeLock, type LockRecord } from '../format/lock.ts';
import { formatDate, parseTime } from '../format/time.ts';
import type { LockId } from '../types.ts';
import { processOwner } from './process-owner.ts';
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
  recheckMs: number;
  /** Pauses before reading an unreadable lock again: it may be half written on a store that shows that. */
  unreadablePausesMs: readonly number[];
  now: () => number;
}

const MINUTE = 60_000;
const TIMING: LockTiming = {
  refreshMs: 5 * MINUTE,
  lostMs: 22.5 * MINUTE,
  recheckMs: 200,
  unreadablePausesMs: [5_000, 10_000, 20_000],
  now: Date.now,
};
const RETRY_MS = 1_000;
/** How often the clock is looked at, to notice a suspend soon after waking up. */
const WATCH_MS = 30_000;

export interface HeldLock {
  readonly mode: LockMode;
  /** Aborted when the lock is lost. Everything done under the lock listens to it. */
  readonly signal: AbortSignal;
  /** False once lost or released: no write may follow. */
  readonly valid: boolean;
  /** Idempotent. A failure to delete is ignored: a shared lock expires, and the work is done. */
  release(): Promise<void>;
}

/** Identifies this process: `restic unlock` on this machine must not take us for one of its own and send SIGHUP. */
function processMark(pid: number | 'self'): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').replaceAll('-', '').slice(0, 12);
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 is the start time in ticks; the second field, the name, may hold spaces and parentheses.
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot}.${namespace}.${started}`;
  } catch {
    // No /proc, or no such process.
    return undefined;
  }
}

const MARK = '/holdfast-';

function ownHostname(): string {
  return `${hostname()}${MARK}${processMark('self') ?? `${process.pid}.${performance.timeOrigin}`}`;
}

/** True only when the holder was a process of this machine start and namespace and that process is gone. */
function holderIsDead(lock: LockRecord): boolean {
  const at = lock.hostname.indexOf(MARK);
  const own = processMark('self');
  if (at < 0 || !own || lock.hostname.slice(0, at) !== hostname()) return false;
  const mark = lock.hostname.slice(at + MARK.length);
  const machine = (text: string) => text.slice(0, text.lastIndexOf('.'));
  return machine(mark) === machine(own) && processMark(lock.pid as number) !== mark;
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
  const id = await writeLock(repo, mode, timing, options.signal);
  try {
    await pause(timing.recheckMs, options.signal);
    await refuseConflicts(repo, mode, id, options.signal, timing);
  } catch (error) {
    // Best effort, without the signal, which may be what ended it.
    await repo.removeFile('lock', id).catch(() => undefined);
    throw error;
  }
  return new Held(repo, mode, id, timing);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    throw new AppError('cancelled', { message: 'Waiting for the lock of the repository was cancelled.', cause });
  }
}

function writeLock(repo: Repository, mode: LockMode, timing: LockTiming, signal?: AbortSignal): Promise<LockId> {
  const record = {
    time: formatDate(new Date(timing.now())),
    exclusive: mode === 'exclusive',
    hostname: ownHostname(),
    pid: process.pid,
    ...processOwner(),
  };
  return repo.saveUnpacked('lock', encodeLock(record), { signal });
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
  for await (const { id, size } of repo.listFiles('lock', options)) {
    const lock =
      size === 0
        ? undefined
        : await readLock(repo, id, options.signal, { ...TIMING, unreadablePausesMs: [] }).catch(() => undefined);
    if (!lock || !holderIsDead(lock)) continue;
    await repo.removeFile('lock', id, options);
    removed += 1;
  }
  return removed;
}

const STALE_MS = 30 * MINUTE;

function lockedError(repo: Repository, lock: LockRecord, timing: LockTiming): AppError {
  const age = timing.now() - Number(parseTime(lock.time) / 1_000_000n);
  const kind = lock.exclusive ? 'exclusively ' : '';
  const who = `${lock.username || 'someone'} on ${lock.hostname || 'an unnamed host'} (process ${lock.pid})`;
  const stale = age > STALE_MS;
  return new AppError('repository-locked', {
    message: `The repository at ${repo.store.location} is locked ${kind}by ${who} since ${lock.time}.`,
    hint: stale
      ? 'The lock was not refreshed for over 30 minutes: its holder is probably gone. Run "restic unlock" if you are sure.'
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
          hint: 'Run "restic unlock --remove-all" when nobody is using the repository.',
          cause,
        });
      }
      await pause(wait, signal);
    }
  }
}

class Held implements HeldLock {
  readonly mode: LockMode;
  readonly #repo: Repository;
  readonly #timing: LockTiming;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #id: LockId;
  #refreshedAt: number;
  #refreshing: Promise<void> | undefined;
  #released = false;

  constructor(repo: Repository, mode: LockMode, id: LockId, timing: LockTiming) {
    this.#repo = repo;
    this.mode = mode;
    this.#id = id;
    this.#timing = timing;
    this.#refreshedAt = timing.now();
    ignoreHangup(1);
    this.#timer = setInterval(() => this.#watch(), Math.min(WATCH_MS, timing.refreshMs));
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get valid(): boolean {
    return !this.#released && !this.#abort.signal.aborted && this.#age() < this.#timing.lostMs;
  }

  #age(): number {
    return this.#timing.now() - this.#refreshedAt;
  }

  #watch(): void {
    if (this.#released || this.#abort.signal.aborted || this.#refreshing) return;
    if (this.#age() < this.#timing.refreshMs) return;
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
  }

  async #refresh(): Promise<void> {
    const late = this.#age() >= this.#timing.lostMs;
    try {
      // After a long silence somebody may have removed our lock and pruned: only a lock that is still there counts.
      if (late) await this.#repo.loadUnpacked('lock', this.#id);
      const started = this.#timing.now();
      const next = await writeLock(this.#repo, this.mode, this.#timing);
      const previous = this.#id;
      this.#id = next;
      this.#refreshedAt = started;
      // An old lock that stays only makes others wait until it is stale.
      await this.#repo.removeFile('lock', previous).catch(() => undefined);
    } catch (cause) {
      if (!late && this.#age() < this.#timing.lostMs) return; // Tried again at the next tick.
      this.#abort.abort(
        new AppError('repository-locked', {
          message: `The lock on the repository at ${this.#repo.store.location} was lost: it could not be refreshed in time.`,
          hint: 'Run it again; nothing that was already stored is lost.',
          retryable: true,
          cause,
        }),
      );
    }
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    await this.#refreshing;
    ignoreHangup(-1);
    await this.#repo.removeFile('lock', this.#id).catch(() => undefined);
  }
}

let held = 0;
const onHangup = () => undefined;

/** While a lock is held, SIGHUP must not end the process: it is how restic asks whether a lock's holder still lives. */
function ignoreHangup(change: 1 | -1): void {
  held += change;
  if (change === 1 && held === 1) process.on('SIGHUP', onHangup);
  if (held === 0) process.off('SIGHUP', onHangup);
}
