// All blobs of a repository in flat memory: 48 bytes each plus 4 to 8 for the hash table, where a Map needs 200 and
// throws at 2^24 entries. The memory is shared: backup workers look ids up in it without a message. Only the thread that
// owns the index adds to it; a growing index moves to new memory, so a snapshot() taken before stays valid, but old.
//
// One entry, twelve 32-bit words: the id (8), pack number with the top bit set for trees, offset, length, and the length
// before compression (0: stored as it is).

import { randomBytes } from 'node:crypto';
import type { BlobType, PackEntry } from '../format/pack.ts';
import type { PackId } from '../types.ts';

const ENTRY_WORDS = 12;
const PACK = 8;
const OFFSET = 9;
const LENGTH = 10;
const PLAIN_LENGTH = 11;
const TREE_BIT = 0x8000_0000;
const FIRST_CAPACITY = 1024;

export interface BlobLocation {
  pack: PackId;
  offset: number;
  /** Of the sealed blob. */
  length: number;
  /** Undefined when the blob is stored uncompressed. plainLength() gives the length of either kind. */
  uncompressedLength?: number;
}

/** What another thread needs to look ids up. Valid as long as nobody writes to the same index. */
export interface IndexSnapshot {
  entries: SharedArrayBuffer;
  buckets: SharedArrayBuffer;
  seed: number;
}

/** The hash is seeded per process: ids can be crafted to collide, the seed cannot be known. */
function bucketHash(words: Uint32Array, at: number, seed: number): number {
  let h = (words[at] as number) ^ seed;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b) ^ (words[at + 1] as number);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function sameId(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): boolean {
  for (let i = 0; i < 8; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** Looks up only; works on a snapshot in any thread. */
export class SharedIndexReader {
  readonly #entries: Uint32Array;
  readonly #buckets: Uint32Array;
  readonly #seed: number;

  constructor(snapshot: IndexSnapshot) {
    this.#entries = new Uint32Array(snapshot.entries);
    this.#buckets = new Uint32Array(snapshot.buckets);
    this.#seed = snapshot.seed;
  }

  /** `id` as eight words at `at`. */
  has(type: BlobType, id: Uint32Array, at = 0): boolean {
    return this.plainLength(type, id, at) >= 0;
  }

  /** Length of the blob's plaintext, -1 when it is not there. */
  plainLength(type: BlobType, id: Uint32Array, at = 0): number {
    const entry = findEntry(this.#entries, this.#buckets, this.#seed, type, id, at);
    if (entry < 0) return -1;
    const base = entry * ENTRY_WORDS;
    return (this.#entries[base + PLAIN_LENGTH] as number) || (this.#entries[base + LENGTH] as number) - 32;
  }

  /** Number of the first entry of a blob, which stands for all its copies; -1 when it is not there. */
  find(type: BlobType, id: Uint32Array, at = 0): number {
    return findEntry(this.#entries, this.#buckets, this.#seed, type, id, at);
  }

  /** The entry that stands for all copies of an entry's blob. */
  firstCopy(entry: number): number {
    return this.find(this.typeOf(entry), this.#entries, entry * ENTRY_WORDS);
  }

  typeOf(entry: number): BlobType {
    return (this.#entries[entry * ENTRY_WORDS + PACK] as number) >= TREE_BIT ? 'tree' : 'data';
  }

  /** Number of the pack it lies in: BlobIndex.packId(). */
  packOf(entry: number): number {
    return (this.#entries[entry * ENTRY_WORDS + PACK] as number) & ~TREE_BIT;
  }

  offsetOf(entry: number): number {
    return this.#entries[entry * ENTRY_WORDS + OFFSET] as number;
  }

  /** Of the sealed blob. */
  lengthOf(entry: number): number {
    return this.#entries[entry * ENTRY_WORDS + LENGTH] as number;
  }

  uncompressedLengthOf(entry: number): number | undefined {
    return (this.#entries[entry * ENTRY_WORDS + PLAIN_LENGTH] as number) || undefined;
  }

  idOf(entry: number): string {
    const start = entry * ENTRY_WORDS * 4;
    return Buffer.from(this.#entries.buffer as unknown as ArrayBuffer).toString('hex', start, start + 32);
  }
}

function findEntry(
  entries: Uint32Array,
  buckets: Uint32Array,
  seed: number,
  type: BlobType,
  id: Uint32Array,
  at: number,
): number {
  const mask = buckets.length - 1;
  const treeBit = type === 'tree' ? TREE_BIT : 0;
  for (let bucket = bucketHash(id, at, seed) & mask; ; bucket = (bucket + 1) & mask) {
    const stored = buckets[bucket] as number;
    if (stored === 0) return -1;
    const base = (stored - 1) * ENTRY_WORDS;
    if (((entries[base + PACK] as number) & TREE_BIT) === (treeBit | 0) && sameId(entries, base, id, at)) {
      return stored - 1;
    }
  }
}

/** An id as eight words in this machine's byte order: the form every table of ids uses. */
export function idWords(id: string): Uint32Array {
  const words = new Uint32Array(8);
  Buffer.from(words.buffer).write(id, 'hex');
  return words;
}

export class BlobIndex {
  #entries = new Uint32Array(new SharedArrayBuffer(FIRST_CAPACITY * ENTRY_WORDS * 4));
  #buckets = new Uint32Array(new SharedArrayBuffer(FIRST_CAPACITY * 2 * 4));
  readonly #seed = randomBytes(4).readUInt32LE();
  #count = 0;
  readonly #packs: PackId[] = [];
  readonly #packNumbers = new Map<string, number>();
  readonly #scratch = new Uint32Array(8);
  readonly #scratchBytes = Buffer.from(this.#scratch.buffer);

  /** Blobs, a blob that lies in two packs counted twice. */
  get size(): number {
    return this.#count;
  }

  get packCount(): number {
    return this.#packs.length;
  }

  /** Packs are numbered from 0 in the order they were added. */
  packId(number: number): PackId {
    return this.#packs[number] as PackId;
  }

  packNumber(id: string): number | undefined {
    return this.#packNumbers.get(id);
  }

  hasPack(id: string): boolean {
    return this.#packNumbers.has(id);
  }

  /** Adds the blobs of a pack. The same blob at the same place a second time changes nothing. */
  addPack(id: PackId, blobs: Iterable<PackEntry>): void {
    let pack = this.#packNumbers.get(id);
    if (pack === undefined) {
      pack = this.#packs.length;
      this.#packs.push(id);
      this.#packNumbers.set(id, pack);
    }
    for (const blob of blobs) this.#addBlob(pack, blob);
  }

  #addBlob(pack: number, blob: PackEntry): void {
    if (this.#count * ENTRY_WORDS === this.#entries.length) this.#grow();
    const packWord = (blob.type === 'tree' ? pack | TREE_BIT : pack) >>> 0;
    this.#scratchBytes.write(blob.id, 'hex');
    const entries = this.#entries;
    const mask = this.#buckets.length - 1;
    let bucket = bucketHash(this.#scratch, 0, this.#seed) & mask;
    for (; this.#buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
      const base = ((this.#buckets[bucket] as number) - 1) * ENTRY_WORDS;
      if (
        entries[base + PACK] === packWord &&
        entries[base + OFFSET] === blob.offset &&
        entries[base + LENGTH] === blob.length &&
        sameId(entries, base, this.#scratch, 0)
      ) {
        return;
      }
    }
    const base = this.#count * ENTRY_WORDS;
    entries.set(this.#scratch, base);
    entries[base + PACK] = packWord;
    entries[base + OFFSET] = blob.offset;
    entries[base + LENGTH] = blob.length;
    entries[base + PLAIN_LENGTH] = blob.uncompressedLength ?? 0;
    this.#count += 1;
    this.#buckets[bucket] = this.#count;
  }

  #grow(): void {
    const entries = new Uint32Array(new SharedArrayBuffer(this.#entries.byteLength * 2));
    entries.set(this.#entries);
    const buckets = new Uint32Array(new SharedArrayBuffer(this.#buckets.byteLength * 2));
    const mask = buckets.length - 1;
    for (let entry = 0; entry < this.#count; entry++) {
      let bucket = bucketHash(entries, entry * ENTRY_WORDS, this.#seed) & mask;
      while (buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
      buckets[bucket] = entry + 1;
    }
    this.#entries = entries;
    this.#buckets = buckets;
  }

  #location(entry: number): BlobLocation {
    const base = entry * ENTRY_WORDS;
    return {
      pack: this.#packs[(this.#entries[base + PACK] as number) & ~TREE_BIT] as PackId,
      offset: this.#entries[base + OFFSET] as number,
      length: this.#entries[base + LENGTH] as number,
      uncompressedLength: (this.#entries[base + PLAIN_LENGTH] as number) || undefined,
    };
  }

  lookup(type: BlobType, id: string): BlobLocation | undefined {
    this.#scratchBytes.write(id, 'hex');
    const entry = findEntry(this.#entries, this.#buckets, this.#seed, type, this.#scratch, 0);
    return entry < 0 ? undefined : this.#location(entry);
  }

  /** Every place a blob lies at: a reader that finds one damaged tries the next. */
  lookupAll(type: BlobType, id: string): BlobLocation[] {
    this.#scratchBytes.write(id, 'hex');
    const found: BlobLocation[] = [];
    const mask = this.#buckets.length - 1;
    for (let bucket = bucketHash(this.#scratch, 0, this.#seed) & mask; this.#buckets[bucket] !== 0; ) {
      const base = ((this.#buckets[bucket] as number) - 1) * ENTRY_WORDS;
      const isTree = (this.#entries[base + PACK] as number) >= TREE_BIT;
      if (isTree === (type === 'tree') && sameId(this.#entries, base, this.#scratch, 0)) {
        found.push(this.#location((this.#buckets[bucket] as number) - 1));
      }
      bucket = (bucket + 1) & mask;
    }
    return found;
  }

  /** Every pack with its blobs by ascending offset. Makes one pack's list at a time; do not add packs meanwhile. */
  *packs(): Generator<{ id: PackId; blobs: PackEntry[] }> {
    const starts = new Uint32Array(this.#packs.length + 1);
    for (let entry = 0; entry < this.#count; entry++) {
      const pack = (this.#entries[entry * ENTRY_WORDS + PACK] as number) & ~TREE_BIT;
      starts[pack + 1] = (starts[pack + 1] as number) + 1;
    }
    for (let pack = 0; pack < this.#packs.length; pack++) {
      starts[pack + 1] = (starts[pack + 1] as number) + (starts[pack] as number);
    }
    const order = new Uint32Array(this.#count);
    const next = starts.slice();
    for (let entry = 0; entry < this.#count; entry++) {
      const pack = (this.#entries[entry * ENTRY_WORDS + PACK] as number) & ~TREE_BIT;
      const at = next[pack] as number;
      order[at] = entry;
      next[pack] = at + 1;
    }
    const bytes = Buffer.from(this.#entries.buffer as unknown as ArrayBuffer);
    for (let pack = 0; pack < this.#packs.length; pack++) {
      const blobs: PackEntry[] = [];
      for (let i = starts[pack] as number; i < (starts[pack + 1] as number); i++) {
        const base = (order[i] as number) * ENTRY_WORDS;
        blobs.push({
          type: (this.#entries[base + PACK] as number) >= TREE_BIT ? 'tree' : 'data',
          id: bytes.toString('hex', base * 4, base * 4 + 32),
          offset: this.#entries[base + OFFSET] as number,
          length: this.#entries[base + LENGTH] as number,
          uncompressedLength: (this.#entries[base + PLAIN_LENGTH] as number) || undefined,
        });
      }
      blobs.sort((a, b) => a.offset - b.offset);
      yield { id: this.#packs[pack] as PackId, blobs };
    }
  }

  snapshot(): IndexSnapshot {
    return {
      entries: this.#entries.buffer as unknown as SharedArrayBuffer,
      buckets: this.#buckets.buffer as unknown as SharedArrayBuffer,
      seed: this.#seed,
    };
  }
}

/** Length of a blob's plaintext, compressed or not. */
export function plainLength(blob: { length: number; uncompressedLength?: number }): number {
  return blob.uncompressedLength ?? blob.length - 32;
}
