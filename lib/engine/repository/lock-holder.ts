// Who holds a lock, and whether that process still lives. Two degrees of certainty:
// - Our own locks carry the machine's start, the process namespace and the start time of the process. Gone is gone: such a
//   lock may be removed without asking anyone.
// - restic's locks carry a host name and a process id. On the same host a missing process is taken for dead, as restic's
//   "unlock" does, but only when a person asks for it: containers share host names and have process ids of their own.

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LockRecord } from '../format/lock.ts';
import { parseTime } from '../format/time.ts';

const MINUTE = 60_000;
/** restic's StaleLockTimeout: a lock that was not refreshed for so long is nobody's. */
export const STALE_MS = 30 * MINUTE;

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

/** Identifies this process: `restic unlock` on this machine must not take us for one of its own and send SIGHUP. */
export function lockHostname(): string {
  return `${hostname()}${MARK}${processMark('self') ?? `${process.pid}.${performance.timeOrigin}`}`;
}

/** The machine's name without the mark. */
export function machineOf(lock: LockRecord): string {
  const at = lock.hostname.indexOf(MARK);
  return at < 0 ? lock.hostname : lock.hostname.slice(0, at);
}

/** True only when the holder was a process of this machine start and namespace and that process is gone. */
export function holderIsDead(lock: LockRecord): boolean {
  const at = lock.hostname.indexOf(MARK);
  const own = processMark('self');
  if (at < 0 || !own || machineOf(lock) !== hostname()) return false;
  const mark = lock.hostname.slice(at + MARK.length);
  const machine = (text: string) => text.slice(0, text.lastIndexOf('.'));
  return machine(mark) === machine(own) && processMark(lock.pid) !== mark;
}

/** Age in milliseconds; negative when the holder's clock is ahead of ours. */
export function lockAge(lock: LockRecord, now: number): number {
  return now - Number(parseTime(lock.time) / 1_000_000n);
}

export interface LockVerdict {
  stale: boolean;
  /** A sentence: why it is stale, or why not. */
  reason: string;
}

/** restic's rule for stale locks, and our surer one for our own. For people who ask to unlock. */
export function judgeLock(lock: LockRecord, now: number): LockVerdict {
  const age = lockAge(lock, now);
  if (age > STALE_MS) return { stale: true, reason: 'It was not refreshed for over 30 minutes.' };
  if (holderIsDead(lock)) return { stale: true, reason: 'Its process ran on this machine and has ended.' };
  if (lock.hostname === hostname()) {
    return processExists(lock.pid)
      ? { stale: false, reason: `Process ${lock.pid} is running on this machine.` }
      : { stale: true, reason: `There is no process ${lock.pid} on this machine any more.` };
  }
  if (machineOf(lock) === hostname() && processMark(lock.pid)) {
    return { stale: false, reason: `Process ${lock.pid} is running on this machine.` };
  }
  if (age < -MINUTE)
    return { stale: false, reason: 'Its time lies in the future: the clocks of the two machines differ.' };
  return { stale: false, reason: 'It was refreshed in the last 30 minutes, and only its own machine can tell more.' };
}

function processExists(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    // Signal 0 only asks; restic sends SIGHUP here, which ends programs that do not expect it.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
