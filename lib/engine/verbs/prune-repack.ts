// Carries needed blobs from packs that go into new ones. Reads only the ranges where they lie.

import { AppError, throwIfCancelled } from '#lib/errors.ts';
import type { BlobSaver } from '../repository/blob-saver.ts';
import { fileName } from '../repository/files.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { PackId } from '../types.ts';
import type { PackChoice } from './prune-plan.ts';
import type { Usage } from './prune-usage.ts';

/** Blobs no further apart are fetched together: reading a gap is cheaper than another request. */
const MAX_GAP = 256 << 10;
/** Of one request; READERS of them are in memory. */
const MAX_RANGE = 8 << 20;
const READERS = 3;

export interface RepackOptions {
  saver: BlobSaver;
  /** Packs done. */
  onProgress: (done: number, total: number) => void;
  signal: AbortSignal;
}

/** Entries that must be carried over, by pack, in flat memory. */
function entriesByPack({ repack, carry }: PackChoice, { index, entries }: Usage): Map<number, Uint32Array> {
  const counts = new Map<number, number>(repack.map((pack) => [pack, 0]));
  for (let entry = 0; entry < entries; entry++) {
    if (!carry[entry]) continue;
    const pack = index.packOf(entry);
    counts.set(pack, (counts.get(pack) ?? 0) + 1);
  }
  const lists = new Map([...counts].map(([pack, count]) => [pack, new Uint32Array(count)]));
  for (let entry = entries - 1; entry >= 0; entry--) {
    if (!carry[entry]) continue;
    const pack = index.packOf(entry);
    const left = (counts.get(pack) as number) - 1;
    (lists.get(pack) as Uint32Array)[left] = entry;
    counts.set(pack, left);
  }
  for (const list of lists.values()) list.sort((a, b) => index.offsetOf(a) - index.offsetOf(b));
  return lists;
}

/** When this resolves, everything is handed to the saver, which has still to be finished. */
export async function carryOver(
  repo: Repository,
  choice: PackChoice,
  usage: Usage,
  { saver, onProgress, signal }: RepackOptions,
): Promise<void> {
  const { index } = usage;
  const lists = entriesByPack(choice, usage);
  let done = 0;
  await inParallel([...lists], Math.min(READERS, repo.store.connections), async ([pack, entries]) => {
    for (let first = 0; first < entries.length; ) {
      throwIfCancelled(signal);
      const from = index.offsetOf(entries[first] as number);
      let to = from;
      let next = first;
      for (; next < entries.length; next++) {
        const start = index.offsetOf(entries[next] as number);
        const end = start + index.lengthOf(entries[next] as number);
        if (next > first && (start - to > MAX_GAP || end - from > MAX_RANGE)) break;
        to = end;
      }
      const name = fileName('pack', repo.index.packId(pack) as PackId);
      const bytes = await repo.store.get(name, { offset: from, length: to - from }, { signal });
      for (const entry of entries.subarray(first, next)) {
        const start = index.offsetOf(entry) - from;
        const blob = {
          type: index.typeOf(entry),
          id: index.idOf(entry),
          uncompressedLength: index.uncompressedLengthOf(entry),
        };
        await saver.saveSealed(blob, bytes.subarray(start, start + index.lengthOf(entry)), repo);
      }
      first = next;
    }
    onProgress(++done, lists.size);
  });
}

/** Every blob that was carried over is in the index at another place. What follows deletes the old one. */
export function assertCarried(
  repo: Repository,
  choice: PackChoice,
  { index, entries }: Usage,
  going: ReadonlySet<PackId>,
): void {
  for (let entry = 0; entry < entries; entry++) {
    if (!choice.carry[entry]) continue;
    const places = repo.index.lookupAll(index.typeOf(entry), index.idOf(entry));
    if (places.some(({ pack }) => !going.has(pack))) continue;
    throw new AppError('internal', {
      message: `The ${index.typeOf(entry)} blob ${index.idOf(entry)} was not carried over; nothing was deleted.`,
    });
  }
}
