// Comparing files on this machine with what the snapshot says, in threads: before a restore to find what may stay,
// after it to verify.

import { throwIfCancelled } from '#lib/errors.ts';
import { plainLength } from '../repository/blob-index.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { CompareFile, FileFailure, RestoreRoot } from './pack-jobs.ts';
import type { PackPool } from './pack-pool.ts';
import type { PlannedItem } from './plan-items.ts';

/** One message to a thread: enough work to pay for it, little enough to cancel between. */
const BATCH_BYTES = 64 << 20;
const BATCH_FILES = 256;

export interface CompareOptions {
  /** Where a restore that runs has its target open. */
  root?: RestoreRoot;
  /** For which items the parts that are there are wanted; they are set on the item. */
  wantsParts?: (item: PlannedItem) => boolean;
  /** Called per batch with what was compared and what went wrong. */
  onBatch?: (batch: readonly PlannedItem[], failures: { item: PlannedItem; failure: FileFailure }[]) => void;
  signal?: AbortSignal;
}

/** Items whose file has exactly the recorded content. */
export async function compareItems(
  repo: Repository,
  pool: PackPool,
  items: readonly PlannedItem[],
  { root, wantsParts, onBatch, signal }: CompareOptions,
): Promise<Set<PlannedItem>> {
  const equal = new Set<PlannedItem>();
  await inParallel(batches(items), pool.size + 1, async (batch) => {
    throwIfCancelled(signal);
    const files = batch.flatMap((item, file): CompareFile[] => {
      const blobs = item.content.map((id) => ({ id, place: repo.lookup('data', id) }));
      // A file of which the index lacks a blob cannot be judged; restoring it will say so.
      if (blobs.some(({ place }) => !place)) return [];
      const lengths = blobs.map(({ id, place }) => ({ id, length: place ? plainLength(place) : 0 }));
      const { folder, name } = item;
      return [{ file, folder: folder.target, name, blobs: lengths, parts: wantsParts?.(item) ?? false }];
    });
    const done = await pool.run({ kind: 'compare', root, files });
    for (const file of done.equal) equal.add(batch[file] as PlannedItem);
    for (const { file, blobs, identity } of done.partial) {
      (batch[file] as PlannedItem).present = { blobs, file: identity };
    }
    onBatch?.(
      batch,
      done.failures.map((failure) => ({ item: batch[failure.file] as PlannedItem, failure })),
    );
  });
  return equal;
}

function batches(items: readonly PlannedItem[]): PlannedItem[][] {
  const all: PlannedItem[][] = [];
  let batch: PlannedItem[] = [];
  let bytes = 0;
  for (const item of items) {
    batch.push(item);
    bytes += item.size;
    if (bytes < BATCH_BYTES && batch.length < BATCH_FILES) continue;
    all.push(batch);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) all.push(batch);
  return all;
}
