// A lock that is held: refreshed, watched, and given up when it is lost. Made by acquireLock() only.

import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, isAppError } from '#lib/errors.ts';
import { encodeLock } from '../format/lock.ts';
import { formatDate } from '../format/time.ts';
import type { LockId } from '../types.ts';
import { fileName } from './files.ts';
import type { HeldLock, LockMode, LockTiming } from './lock.ts';
import { lockHostname } from './lock-holder.ts';
import { processOwner } from './process-owner.ts';
import type { Repository } from './repository.ts';

export function writeLock(repo: Repository, mode: LockMode, timing: LockTiming, signal?: AbortSignal): Promise<LockId> {
  const record = {
    time: formatDate(new Date(timing.now())),
    exclusive: mode === 'exclusive',
    hostname: lockHostname(),
    pid: process.pid,
    ...processOwner(),
  };
  return repo.saveUnpacked('lock', encodeLock(record), { signal });
}

export class Held implements HeldLock {
  readonly mode: LockMode;
  readonly #repo: Repository;
  readonly #timing: LockTiming;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #id: LockId;
  #refreshedAt: { wall: number; monotonic: number };
  #watching: Promise<void> | undefined;
  #released = false;

  constructor(repo: Repository, mode: LockMode, id: LockId, timing: LockTiming) {
    this.#repo = repo;
    this.mode = mode;
    this.#id = id;
    this.#timing = timing;
    this.#refreshedAt = this.#clocks();
    this.#timer = setInterval(() => this.#watch(), Math.min(timing.watchMs, timing.refreshMs));
    this.#timer.unref();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get valid(): boolean {
    return !this.#released && !this.#abort.signal.aborted && this.#age() < this.#timing.lostMs;
  }

  async confirm(): Promise<void> {
    // A look that began earlier may have seen the lock before it was removed.
    await this.#watching;
    await this.#watch();
    this.#abort.signal.throwIfAborted();
    if (!this.valid) throw new AppError('internal', 'A lock was asked for after its release.');
  }

  #clocks(): { wall: number; monotonic: number } {
    return { wall: this.#timing.now(), monotonic: performance.now() };
  }

  #age(): number {
    const { wall, monotonic } = this.#clocks();
    return Math.max(wall - this.#refreshedAt.wall, monotonic - this.#refreshedAt.monotonic);
  }

  /** The lock's time, which others read, lies in the future of a clock that was set back. */
  #setBack(): boolean {
    return this.#timing.now() < this.#refreshedAt.wall;
  }

  #watch(): Promise<void> {
    if (this.#released || this.#abort.signal.aborted) return Promise.resolve();
    this.#watching ??= this.#look().finally(() => {
      this.#watching = undefined;
    });
    return this.#watching;
  }

  async #look(): Promise<void> {
    const late = this.#age() >= this.#timing.lostMs;
    try {
      await this.#stillThere();
      if (this.#age() >= this.#timing.refreshMs || this.#setBack()) await this.#refresh(late);
    } catch (cause) {
      const removed = isAppError(cause, 'not-found');
      // Tried again at the next tick.
      if (!removed && !late && this.#age() < this.#timing.lostMs) return;
      if (!this.#released) this.#lose(removed, cause);
    }
  }

  /** Throws 'not-found' when somebody removed the lock: they may be pruning already. */
  async #stillThere(): Promise<void> {
    await this.#repo.store.stat(fileName('lock', this.#id));
  }

  async #refresh(late: boolean): Promise<void> {
    const started = this.#clocks();
    const previous = this.#id;
    const next = await writeLock(this.#repo, this.mode, this.#timing);
    if (late) {
      // Others were free to take the old lock for stale until this moment: it must have outlived the writing of the new one.
      try {
        await sleep(this.#timing.recheckMs);
        await this.#stillThere();
      } catch (error) {
        await this.#repo.removeFile('lock', next).catch(() => undefined);
        throw error;
      }
    }
    this.#id = next;
    this.#refreshedAt = started;
    // An old lock that stays only makes others wait until it is stale.
    await this.#repo.removeFile('lock', previous).catch(() => undefined);
  }

  #lose(removed: boolean, cause: unknown): void {
    const why = removed ? 'somebody removed it while the work was going on' : 'it could not be refreshed in time';
    this.#abort.abort(
      new AppError('repository-locked', {
        message: `The lock on the repository at ${this.#repo.store.location} was lost: ${why}.`,
        hint: 'Run it again; nothing that was already stored is lost.',
        retryable: true,
        cause,
      }),
    );
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    await this.#watching;
    ignoreHangup(-1);
    await this.#repo.removeFile('lock', this.#id).catch(() => undefined);
  }
}

let held = 0;
const onHangup = () => undefined;

/** While a lock is held, SIGHUP must not end the process: it is how restic asks whether a lock's holder still lives. */
export function ignoreHangup(change: 1 | -1): void {
  held += change;
  if (change === 1 && held === 1) process.on('SIGHUP', onHangup);
  if (held === 0) process.off('SIGHUP', onHangup);
}
