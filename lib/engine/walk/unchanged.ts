// restic's rule for a file that need not be read again: same size, inode, mtime and ctime as in the parent snapshot.

import type { BigIntStats } from 'node:fs';
import type { TreeNode } from '../format/node.ts';
import { parseTime } from '../format/time.ts';

/** The half that costs nothing. */
export function isSameFile(before: TreeNode, stat: BigIntStats): boolean {
  return BigInt(before.size ?? 0) === stat.size && (before.inode ?? 0n) === stat.ino;
}

/** The other half; `now` is the node made of `stat`. */
export function hasSameTimes(before: TreeNode, now: TreeNode, stat: BigIntStats): boolean {
  return isTime(before.mtime, now.mtime, stat.mtimeNs) && isTime(before.ctime, now.ctime, stat.ctimeNs);
}

/** `now` is the text of `ns` here; another writer's may have another zone. */
function isTime(text: string, now: string, ns: bigint): boolean {
  if (text === now) return true;
  try {
    return parseTime(text) === ns;
  } catch {
    // What is no time is not that of this file, which is then read again.
    return false;
  }
}
