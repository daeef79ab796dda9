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
import { posix } from './posix.ts';

/** What is set on an entry; plain data that can be posted to a thread. */
export interface EntryMetadata {
  symlink: boolean;
  /** As chmod takes it. */
  mode: number;
  uid: number;
  gid: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  attributes?: readonly ExtendedAttribute[];
}

/** What could not be set. 'owner' comes without a reason: it is the same for every entry of an ordinary user. */
export interface MetadataFailure {
  what: 'owner' | 'mode' | 'attribute' | 'times';
  message: string;
}

export function metadataOf(node: TreeNode): EntryMetadata {
  return {
    symlink: node.type === 'symlink',
    mode: chmodBits(node.mode),
    uid: node.uid,
    gid: node.gid,
    atimeNs: timeOr(node.atime, node.mtime),
    mtimeNs: timeOr(node.mtime, '1970-01-01T00:00:00Z'),
    attributes: node.extendedAttributes,
  };
}

function timeOr(text: string, fallback: string): bigint {
  try {
    return parseTime(text);
  } catch {
    // A damaged time is no reason to lose the file.
    return parseTime(fallback);
  }
}

const SET_ID_BITS = 0o6000;
const ACL = 'system.posix_acl_';

/**
 * Sets everything on an entry by path, through `fd` where the caller has it open. On Linux a symlink at `path` itself is
 * never followed; elsewhere chmod would follow one planted meanwhile. Symlinks further up the path are followed.
 */
export function applyMetadata(path: Buffer, metadata: EntryMetadata, fd?: number): MetadataFailure[] {
  const failures: MetadataFailure[] = [];
  const attempt = (what: MetadataFailure['what'], work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      failures.push({ what, message: (error as Error).message });
      return false;
    }
  };
  const { uid, gid } = metadata;
  const owned = attempt('owner', () => {
    if (fd === undefined) lchownSync(path, uid, gid);
    else fchownSync(fd, uid, gid);
  });
  const attributes = (chosen: (name: string) => boolean) => {
    for (const attribute of metadata.attributes ?? []) {
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
  attributes((name) => !name.startsWith(ACL));
  if (!metadata.symlink) {
    // A program must not run with the rights of whoever restores it because its owner could not be set.
    const mode = owned ? metadata.mode : metadata.mode & ~SET_ID_BITS;
    attempt('mode', () => (fd === undefined ? changeMode(path, mode) : fchmodSync(fd, mode)));
  }
  attributes((name) => name.startsWith(ACL));
  attempt('times', () => setTimes(path, metadata, fd));
  return failures;
}

/** open(2): the entry itself, whatever its type and mode, unopened. Not among Node's constants. */
const O_PATH = 0o10000000;

/** As chmod, but refuses a symlink. Linux has no chmod that does before 6.6; glibc's goes through /proc too. */
function changeMode(path: Buffer, mode: number): void {
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

function setTimes(path: Buffer, { atimeNs, mtimeNs }: EntryMetadata, fd?: number): void {
  if (posix) {
    if (fd === undefined) posix.setTimes(path, atimeNs, mtimeNs);
    else posix.setFileTimes(fd, atimeNs, mtimeNs);
    return;
  }
  // Off by up to 1 µs: Node passes times as doubles (nodejs/node#50859).
  const [atime, mtime] = [Number(atimeNs) / 1e9, Number(mtimeNs) / 1e9];
  if (fd === undefined) lutimesSync(path, atime, mtime);
  else futimesSync(fd, atime, mtime);
}
