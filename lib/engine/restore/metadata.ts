// Owner, mode, extended attributes and times of restored entries. The order matters: chown clears setuid and file
// capabilities, chmod recomputes the mask of an ACL, and everything but utimens changes nothing that utimens set.

import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lchownSync,
  lutimesSync,
  openSync,
} from 'node:fs';
import { chmodBits } from '../format/mode.ts';
import type { ExtendedAttribute, TreeNode } from '../format/node.ts';
import { parseTime } from '../format/time.ts';
import type { NodeType } from '../types.ts';
import { reasonOf } from './places.ts';
import { type EntryTimes, O_PATH, posix } from './posix.ts';

/** What is set on an entry. */
export interface EntryMetadata extends EntryTimes {
  type: NodeType;
  /** As chmod takes it. */
  mode: number;
  uid: number;
  gid: number;
  attributes?: readonly ExtendedAttribute[];
}

/** What could not be set. 'owner' comes without a reason: it is the same for every entry of an ordinary user. */
export interface MetadataFailure {
  what: 'owner' | 'mode' | 'attribute' | 'times';
  message: string;
}

export interface ApplyOptions {
  /** Of the entry, where the caller has it open. */
  fd?: number;
  /** The entry was there before: attributes that the snapshot does not have are removed. */
  existed?: boolean;
}

const NS = 1_000_000_000n;

export function metadataOf(node: TreeNode): EntryMetadata {
  const mtime = timeOr(node.mtime, '1970-01-01T00:00:00Z');
  // restic without --with-atime stores the same text twice.
  const atime = node.atime === node.mtime ? mtime : timeOr(node.atime, node.mtime);
  return {
    type: node.type,
    mode: chmodBits(node.mode),
    uid: node.uid,
    gid: node.gid,
    atimeSec: atime.sec,
    atimeNsec: atime.nsec,
    mtimeSec: mtime.sec,
    mtimeNsec: mtime.nsec,
    attributes: node.extendedAttributes,
  };
}

function timeOr(text: string, fallback: string): { sec: number; nsec: number } {
  let ns: bigint;
  try {
    ns = parseTime(text);
  } catch {
    // A damaged time is no reason to lose the file.
    return timeOr(fallback, '1970-01-01T00:00:00Z');
  }
  const nsec = ((ns % NS) + NS) % NS;
  return { sec: Number((ns - nsec) / NS), nsec: Number(nsec) };
}

export function mtimeNs({ mtimeSec, mtimeNsec }: EntryTimes): bigint {
  return BigInt(mtimeSec) * NS + BigInt(mtimeNsec);
}

const SET_ID_BITS = 0o6000;
const ACL = 'system.posix_acl_';
/** Labels that the system itself puts on every file: not ours to take away. */
const SYSTEM_LABEL = /^security\.(?!capability$)/;

/**
 * Sets everything on an entry by path, through `fd` where the caller has it open. On Linux a symlink at `path` itself is
 * never followed; elsewhere chmod would follow one planted meanwhile. Symlinks further up the path are followed.
 */
export function applyMetadata(
  path: Buffer | string,
  metadata: EntryMetadata,
  options: ApplyOptions = {},
): MetadataFailure[] {
  const { fd } = options;
  const failures: MetadataFailure[] = [];
  const attempt = (what: MetadataFailure['what'], work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      failures.push({ what, message: reasonOf(error) });
      return false;
    }
  };
  const { uid, gid, attributes = [] } = metadata;
  const owned = attempt('owner', () => {
    if (fd === undefined) lchownSync(path, uid, gid);
    else fchownSync(fd, uid, gid);
  });
  const setAttributes = (chosen: (name: string) => boolean) => {
    for (const attribute of attributes) {
      if (!chosen(attribute.name)) continue;
      attempt('attribute', () => {
        if (!posix) throw new Error(`attribute ${attribute.name} cannot be set on this platform`);
        try {
          posix.setAttribute(path, attribute);
        } catch (error) {
          throw new Error(`attribute ${attribute.name}: ${(error as Error).message}`);
        }
      });
    }
  };
  if (options.existed) attempt('attribute', () => removeForeignAttributes(path, attributes));
  if (attributes.length > 0) setAttributes((name) => !name.startsWith(ACL));
  if (metadata.type !== 'symlink') {
    // A program must not run with the rights of whoever restores it because its owner could not be set.
    const mode = owned ? metadata.mode : metadata.mode & ~SET_ID_BITS;
    attempt('mode', () => (fd === undefined ? changeMode(path, mode) : fchmodSync(fd, mode)));
  }
  if (attributes.length > 0) setAttributes((name) => name.startsWith(ACL));
  attempt('times', () => setTimes(path, metadata, fd));
  return failures;
}

function removeForeignAttributes(path: Buffer | string, wanted: readonly ExtendedAttribute[]): void {
  if (!posix) return;
  for (const { name } of attributesOf(path)) {
    if (!SYSTEM_LABEL.test(name) && !wanted.some((attribute) => attribute.name === name))
      posix.removeAttribute(path, name);
  }
}

/** Those a restore cares about; none on a file system without any. */
function attributesOf(path: Buffer | string): ExtendedAttribute[] {
  try {
    return posix?.attributes(path) ?? [];
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOTSUP') return [];
    throw error;
  }
}

/** Whether an entry's attributes are not those of the snapshot. An entry that cannot be read is not said to differ. */
export function attributesDiffer(path: Buffer, wanted: readonly ExtendedAttribute[] = []): boolean {
  let found: ExtendedAttribute[];
  try {
    found = attributesOf(path).filter(({ name }) => !SYSTEM_LABEL.test(name));
  } catch {
    return false;
  }
  const expected = wanted.filter(({ name }) => !SYSTEM_LABEL.test(name));
  if (found.length !== expected.length) return true;
  return expected.some(
    ({ name, value }) => found.find((attribute) => attribute.name === name)?.value !== (value ?? ''),
  );
}

/** As chmod, but refuses a symlink. Linux has no chmod that does before 6.6; glibc's goes through /proc too. */
export function changeMode(path: Buffer | string, mode: number): void {
  if (process.platform !== 'linux') {
    chmodSync(path, mode);
    return;
  }
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).isSymbolicLink()) throw new Error('A symlink took its place during the restore.');
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

function setTimes(path: Buffer | string, times: EntryTimes, fd?: number): void {
  if (posix) {
    if (fd === undefined) posix.setTimes(path, times);
    else posix.setFileTimes(fd, times);
    return;
  }
  // Off by up to 1 µs: Node passes times as doubles (nodejs/node#50859).
  const atime = times.atimeSec + times.atimeNsec / 1e9;
  const mtime = times.mtimeSec + times.mtimeNsec / 1e9;
  if (fd === undefined) lutimesSync(path, atime, mtime);
  else futimesSync(fd, atime, mtime);
}
