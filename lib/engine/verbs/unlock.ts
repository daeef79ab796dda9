// Seeing locks and clearing those that nobody holds any more. Takes no lock: it is what helps when none can be had.

import { readLocks } from '../repository/lock.ts';
import { judgeLock, lockAge, machineOf } from '../repository/lock-holder.ts';
import type { Repository } from '../repository/repository.ts';
import type { LockId } from '../types.ts';

export interface LockInfo {
  id: LockId;
  exclusive: boolean;
  username: string;
  /** Of the machine; the lock's own may say more. */
  hostname: string;
  pid: number;
  /** RFC 3339, of the last refresh; empty when the lock cannot be read. */
  time: string;
  /** Milliseconds since then; negative when the holder's clock is ahead of ours. */
  age: number;
  /** Nobody holds it any more: unlock removes it. */
  stale: boolean;
  /** Why it is stale, or not: a sentence. */
  reason: string;
  /** False for a file that is empty or damaged: nobody can tell whose it is. */
  readable: boolean;
}

interface LockListOptions {
  now?: () => number;
  signal?: AbortSignal;
}

/** Every lock of the repository, oldest first. */
export async function listLocks(repo: Repository, options: LockListOptions = {}): Promise<LockInfo[]> {
  const now = (options.now ?? Date.now)();
  const locks: LockInfo[] = [];
  for await (const { id, lock, problem = '' } of readLocks(repo, { signal: options.signal })) {
    if (lock) {
      const { exclusive, username, pid, time } = lock;
      const facts = { id, exclusive, username, hostname: machineOf(lock), pid, time, age: lockAge(lock, now) };
      locks.push({ ...facts, ...judgeLock(lock, now), readable: true });
    } else {
      const unknown = { exclusive: false, username: '', hostname: '', pid: 0, time: '', age: 0 };
      locks.push({ id, ...unknown, stale: false, reason: problem, readable: false });
    }
  }
  return locks.sort((a, b) => b.age - a.age || (a.id < b.id ? -1 : 1));
}

export interface UnlockPlan {
  /** Every lock, for a person to look at. */
  locks: LockInfo[];
  /** Those that execute() removes. */
  remove: LockInfo[];
  /** Removes them; one that is refreshed meanwhile has another name by then and stays. Returns how many are gone. */
  execute(): Promise<number>;
}

export interface UnlockOptions extends LockListOptions {
  /** Also locks that are not stale, and files that cannot be read. Whoever holds one stops, or writes without protection. */
  removeAll?: boolean;
}

export async function planUnlock(repo: Repository, options: UnlockOptions = {}): Promise<UnlockPlan> {
  const locks = await listLocks(repo, options);
  const remove = locks.filter(({ stale }) => stale || options.removeAll === true);
  return {
    locks,
    remove,
    async execute() {
      for (const { id } of remove) await repo.removeFile('lock', id, { signal: options.signal });
      return remove.length;
    },
  };
}
