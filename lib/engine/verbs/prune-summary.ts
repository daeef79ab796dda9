// What a prune is allowed to do and what it would do, in numbers.

/** How much unused data may stay: of what the repository holds afterwards, in bytes, or any amount. */
export type MaxUnused = { percent: number } | { bytes: number } | 'unlimited';

export interface PruneLimits {
  /** Default 5 %. */
  maxUnused?: MaxUnused;
  /** Bytes of packs that are carried over at most; default no limit. */
  maxRepackBytes?: number;
  /** Carry packs over that are smaller than this, when there are ten of them; default: far below the usual size. */
  repackSmallerThan?: number;
  /** Carry packs with uncompressed data over, to compress it. */
  repackUncompressed?: boolean;
}

export interface PruneAmount {
  blobs: number;
  bytes: number;
}

export interface PruneSummary {
  used: PruneAmount;
  /** Second copies. */
  duplicate: PruneAmount;
  unused: PruneAmount;
  /** Bytes of packs that no index names, left by interrupted work. */
  unreferencedBytes: number;
  /** In packs that are deleted as a whole. */
  remove: PruneAmount;
  /** In packs that are carried over, and what of it is left behind. */
  repack: PruneAmount;
  repackRemove: PruneAmount;
  /** Bytes of the packs afterwards, and how much of that is not needed. */
  remainingBytes: number;
  unusedAfterBytes: number;
  packs: {
    total: number;
    keep: number;
    repack: number;
    remove: number;
    unreferenced: number;
    /** In the index, not in the store, and not needed. */
    missingUnneeded: number;
  };
}

/** Unused bytes that may stay: a percentage is of all that is there afterwards, the unused included. */
export function maxUnusedBytes(limit: MaxUnused, usedBytes: number): number {
  if (limit === 'unlimited') return Number.POSITIVE_INFINITY;
  if ('bytes' in limit) return limit.bytes;
  return (limit.percent / (100 - limit.percent)) * usedBytes;
}

export function emptySummary(): PruneSummary {
  const none = () => ({ blobs: 0, bytes: 0 });
  return {
    used: none(),
    duplicate: none(),
    unused: none(),
    unreferencedBytes: 0,
    remove: none(),
    repack: none(),
    repackRemove: none(),
    remainingBytes: 0,
    unusedAfterBytes: 0,
    packs: { total: 0, keep: 0, repack: 0, remove: 0, unreferenced: 0, missingUnneeded: 0 },
  };
}

export function addAmount(amount: PruneAmount, blobs: number, bytes: number): void {
  amount.blobs += blobs;
  amount.bytes += bytes;
}
