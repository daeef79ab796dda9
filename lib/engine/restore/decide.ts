// What happens to an entry where something is there already.

import { type BigIntStats, readlinkSync } from 'node:fs';
import { nodeTypeFromStMode } from '../format/mode.ts';
import type { RestoreOverwrite } from '../types.ts';
import { attributesDiffer, type EntryMetadata, mtimeNs } from './metadata.ts';
import { bytesOf, itemTarget, type PlannedItem } from './plan-items.ts';
import { isEmptyFolder } from './target.ts';

export interface DecideOptions {
  overwrite: RestoreOverwrite;
  /** What is in the way and not in the snapshot may go, folders with content too. */
  delete: boolean;
}

/** Sets the item's action and reason. 'compare' when only the content can tell. */
export function decide(item: PlannedItem, stat: BigIntStats, options: DecideOptions): 'decided' | 'compare' {
  const { overwrite } = options;
  const keep = (reason: string, metadata = false): 'decided' => {
    item.action = 'keep';
    item.reason = reason;
    item.metadataDiffers = metadata && metadataDiffers(bytesOf(itemTarget(item)), item, stat);
    return 'decided';
  };
  if (overwrite === 'never') return keep('exists here');
  const mtime = mtimeNs(item);
  if (overwrite === 'if-newer' && mtime <= stat.mtimeNs)
    return keep(mtime === stat.mtimeNs ? 'same age' : 'newer here');
  item.action = 'overwrite';
  const type = nodeTypeFromStMode(Number(stat.mode));
  if (type !== item.type) {
    item.reason = 'type differs';
    if (type === 'dir' && !options.delete && !isEmptyFolder(itemTarget(item))) {
      item.action = 'unsupported';
      item.reason = 'a folder with content is in the way';
    }
    return 'decided';
  }
  if (item.type === 'symlink') {
    const target = readlinkSync(bytesOf(itemTarget(item)), { encoding: 'buffer' });
    if (target.equals(item.linkTarget ?? Buffer.alloc(0))) return keep('same', true);
    item.reason = 'link target differs';
    return 'decided';
  }
  if (item.type !== 'file') {
    if (item.type === 'fifo' || item.device === stat.rdev) return keep('same', true);
    item.reason = 'device differs';
    return 'decided';
  }
  item.reason = 'content differs';
  const sameSize = stat.size === BigInt(item.size);
  if (overwrite === 'if-changed' && sameSize && stat.mtimeNs === mtime) return keep('same', true);
  item.metadataDiffers = metadataDiffers(bytesOf(itemTarget(item)), item, stat);
  return sameSize || mayKeepParts(item, stat, overwrite) ? 'compare' : 'decided';
}

/**
 * Whether a file may be mended where it lies. Not one with other names, which would change with it, and not where a file
 * that an interrupted restore left behind would be taken for a newer one by the next.
 */
export function mayKeepParts(item: PlannedItem, stat: BigIntStats, overwrite: RestoreOverwrite): boolean {
  return item.content.length > 1 && stat.nlink === 1n && (overwrite === 'always' || overwrite === 'if-changed');
}

export function metadataDiffers(path: Buffer, wanted: EntryMetadata, stat: BigIntStats): boolean {
  if (wanted.type !== 'symlink' && wanted.mode !== (Number(stat.mode) & 0o7777)) return true;
  if (stat.mtimeNs !== mtimeNs(wanted) || Number(stat.uid) !== wanted.uid || Number(stat.gid) !== wanted.gid)
    return true;
  return attributesDiffer(path, wanted.attributes);
}
