// A set of ids in flat memory that numbers them in the order they came: 32 bytes each and 4 to 8 for the hash table. For
// "was this tree seen?" over repositories of any size, where a Set of strings needs over 150 bytes and ends at 2^24. What
// belongs to an id the caller keeps in typed arrays, by number.

import { randomBytes } from 'node:crypto';

const ID_WORDS = 8;
const FIRST_CAPACITY = 256;

export class IdTable {
  #ids = new Uint32Array(FIRST_CAPACITY * ID_WORDS);
  #buckets = new Uint32Array(FIRST_CAPACITY * 2);
  #size = 0;
  /** Ids can be crafted to collide; the seed cannot be known. */
  readonly #seed = randomBytes(4).readUInt32LE();
  readonly #scratch = new Uint32Array(ID_WORDS);
  readonly #scratchBytes = Buffer.from(this.#scratch.buffer);

  get size(): number {
    return this.#size;
  }

  /** Number of an id of 64 hex digits, -1 when it is not there. */
  indexOf(id: string): number {
    this.#scratchBytes.write(id, 'hex');
    return (this.#buckets[this.#bucketOf(this.#scratch, 0)] as number) - 1;
  }

  has(id: string): boolean {
    return this.indexOf(id) >= 0;
  }

  /** True for an id that was not there; its number is then `size - 1`. */
  add(id: string): boolean {
    this.#scratchBytes.write(id, 'hex');
    const bucket = this.#bucketOf(this.#scratch, 0);
    if (this.#buckets[bucket] !== 0) return false;
    if ((this.#size + 1) * ID_WORDS > this.#ids.length) {
      this.#grow();
      return this.add(id);
    }
    this.#ids.set(this.#scratch, this.#size * ID_WORDS);
    this.#size += 1;
    this.#buckets[bucket] = this.#size;
    return true;
  }

  /** Every id, in the order of their numbers. */
  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.#size; i++) {
      const words = this.#ids.subarray(i * ID_WORDS, (i + 1) * ID_WORDS);
      yield Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString('hex');
    }
  }

  /** Where the id is, or the empty bucket where it would be. */
  #bucketOf(words: Uint32Array, at: number): number {
    const mask = this.#buckets.length - 1;
    let h = (words[at] as number) ^ this.#seed;
    h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b) ^ (words[at + 1] as number);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
    for (let bucket = (h ^ (h >>> 16)) & mask; ; bucket = (bucket + 1) & mask) {
      const stored = this.#buckets[bucket] as number;
      if (stored === 0) return bucket;
      const base = (stored - 1) * ID_WORDS;
      let same = true;
      for (let i = 0; same && i < ID_WORDS; i++) same = this.#ids[base + i] === words[at + i];
      if (same) return bucket;
    }
  }

  #grow(): void {
    const ids = new Uint32Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#buckets = new Uint32Array(this.#buckets.length * 2);
    for (let i = 0; i < this.#size; i++) this.#buckets[this.#bucketOf(ids, i * ID_WORDS)] = i + 1;
  }
}
