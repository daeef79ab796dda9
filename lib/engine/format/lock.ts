// Lock files (restic, internal/restic/lock.go): JSON, sealed and compressed like every unpacked file.

import { AppError } from '#lib/errors.ts';
import type { LockId } from '../types.ts';
import { parseTime } from './time.ts';

export interface LockRecord {
  /** RFC 3339. */
  time: string;
  exclusive: boolean;
  hostname: string;
  username: string;
  pid: number;
  uid?: number;
  gid?: number;
}

export function encodeLock(lock: LockRecord): Buffer {
  const { time, exclusive, hostname, username, pid, uid, gid } = lock;
  return Buffer.from(
    JSON.stringify({ time, exclusive, hostname, username, pid, uid: uid || undefined, gid: gid || undefined }),
  );
}

/** Throws 'repository-damaged' for what is no lock. */
export function decodeLock(id: LockId, plaintext: Uint8Array): LockRecord {
  try {
    const raw = JSON.parse(Buffer.from(plaintext).toString('utf8')) as LockRecord;
    parseTime(raw.time);
    return {
      time: raw.time,
      exclusive: raw.exclusive === true,
      hostname: String(raw.hostname ?? ''),
      username: String(raw.username ?? ''),
      pid: Number(raw.pid ?? 0),
      uid: raw.uid,
      gid: raw.gid,
    };
  } catch (cause) {
    throw new AppError('repository-damaged', { message: `The lock ${id.slice(0, 8)} cannot be read.`, cause });
  }
}
