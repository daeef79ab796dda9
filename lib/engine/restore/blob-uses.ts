// Which blob goes to which place of which file, sorted by pack and offset, in flat memory: a restore of a million files
// has at least as many, and an object for each would take ten times as much.

import type { BlobLocation } from '../repository/blob-index.ts';
import { plainLength } from '../repository/blob-index.ts';
import type { BlobId, PackId } from '../types.ts';
import type { PlannedItem } from './plan-items.ts';

/** An offset in a pack has 32 bits; with 21 more for the pack the key is still an exact double. */
const PACK_FACTOR = 2 ** 32;

export interface BlobUses {
  readonly count: number;
  /** Packs are numbered in the order of their first use. */
  pack(at: number): number;
  packId(at: number): PackId;
  /** In the pack. */
  offset(at: number): number;
  /** Of the sealed blob. */
  length(at: number): number;
  uncompressedLength(at: number): number | undefined;
  plainLength(at: number): number;
  id(at: number): BlobId;
  /** Number of the item. */
  file(at: number): number;
  /** In the file. */
  position(at: number): number;
  /** It is the same blob as the use before. */
  repeats(at: number): boolean;
}

/** `choose` gives the blobs of an item that are to be written, as indexes into its content; the index knows them all. */
export function collectUses(
  items: readonly PlannedItem[],
  lookup: (id: BlobId) => BlobLocation | undefined,
  choose: (file: number, item: PlannedItem) => readonly number[] | undefined,
): BlobUses {
  let capacity = 1024;
  let files = new Uint32Array(capacity);
  let blobs = new Uint32Array(capacity);
  let lengths = new Uint32Array(capacity);
  let plainLengths = new Uint32Array(capacity);
  let positions = new Float64Array(capacity);
  let keys = new Float64Array(capacity);
  const packs: PackId[] = [];
  const packNumbers = new Map<PackId, number>();
  let count = 0;
  const grow = () => {
    capacity *= 2;
    const larger = <T extends Uint32Array | Float64Array>(old: T): T => {
      const fresh = new (old.constructor as new (length: number) => T)(capacity);
      fresh.set(old);
      return fresh;
    };
    [files, blobs, lengths, plainLengths] = [larger(files), larger(blobs), larger(lengths), larger(plainLengths)];
    [positions, keys] = [larger(positions), larger(keys)];
  };
  for (const [file, item] of items.entries()) {
    const chosen = choose(file, item);
    if (!chosen || chosen.length === 0) continue;
    let position = 0;
    let next = 0;
    for (const [blob, id] of item.content.entries()) {
      const place = lookup(id) as BlobLocation;
      if (chosen[next] === blob) {
        next += 1;
        let pack = packNumbers.get(place.pack);
        if (pack === undefined) {
          pack = packs.push(place.pack) - 1;
          packNumbers.set(place.pack, pack);
        }
        if (count === capacity) grow();
        files[count] = file;
        blobs[count] = blob;
        lengths[count] = place.length;
        plainLengths[count] = place.uncompressedLength ?? 0;
        positions[count] = position;
        keys[count] = pack * PACK_FACTOR + place.offset;
        count += 1;
      }
      position += plainLength(place);
    }
  }
  const order = new Uint32Array(count).map((_, i) => i);
  let sorted = true;
  for (let i = 1; i < count; i++) if ((keys[i - 1] as number) > (keys[i] as number)) sorted = false;
  if (!sorted) order.sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);

  const key = (at: number) => keys[order[at] as number] as number;
  const pack = (at: number) => Math.floor(key(at) / PACK_FACTOR);
  const length = (at: number) => lengths[order[at] as number] as number;
  const uncompressed = (at: number) => (plainLengths[order[at] as number] as number) || undefined;
  const file = (at: number) => files[order[at] as number] as number;
  return {
    count,
    pack,
    packId: (at) => packs[pack(at)] as PackId,
    offset: (at) => key(at) % PACK_FACTOR,
    length,
    uncompressedLength: uncompressed,
    plainLength: (at) => plainLength({ length: length(at), uncompressedLength: uncompressed(at) }),
    id: (at) => (items[file(at)] as PlannedItem).content[blobs[order[at] as number] as number] as BlobId,
    file,
    position: (at) => positions[order[at] as number] as number,
    repeats: (at) => at > 0 && key(at) === key(at - 1),
  };
}
