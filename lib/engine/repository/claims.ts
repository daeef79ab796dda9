// Which new blobs a backup already has in hand, for all its threads at once: whoever claims an id first stores the
// blob, everyone else only refers to it. A hash set in shared memory that is only added to.
//
// It grows by tiers, each four times the one before, so that nothing ever moves under a reader. A claim that races with
// the step to a new tier can succeed twice; the blob is then stored twice, which is valid. So is what happens beyond the
// last tier (about 15 million new blobs in one backup): everything counts as new.

import type { BlobType } from '../format/pack.ts';

const HEADER_WORDS = 16;
/** Word 0: tier that takes new ids. Words 1..: ids in each tier. */
const CURRENT = 0;
const FIRST_SLOTS = 1 << 14;
const TIERS = 6;
/** State, then the id. */
const SLOT_WORDS = 9;
const MAX_LOAD = 0.7;

const EMPTY = 0;
const WRITING = 1;
const READY: Record<BlobType, number> = { data: 2, tree: 3 };

function slotsOf(tier: number): number {
  return FIRST_SLOTS * 4 ** tier;
}

function endOfTier(tier: number): number {
  let words = HEADER_WORDS;
  for (let t = 0; t <= tier; t++) words += slotsOf(t) * SLOT_WORDS;
  return words * 4;
}

export function newClaimMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(endOfTier(0), { maxByteLength: endOfTier(TIERS - 1) });
}

export class BlobClaims {
  readonly #memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #tiers: Int32Array[] = [];
  /** Seeds the place of an id: ids can be crafted to collide. */
  readonly #seed: number;

  constructor(memory: SharedArrayBuffer, seed: number) {
    this.#memory = memory;
    this.#header = new Int32Array(memory, 0, HEADER_WORDS);
    this.#seed = seed;
  }

  #tier(index: number): Int32Array {
    let tier = this.#tiers[index];
    if (!tier) {
      const start = index === 0 ? HEADER_WORDS * 4 : endOfTier(index - 1);
      tier = new Int32Array(this.#memory, start, slotsOf(index) * SLOT_WORDS);
      this.#tiers[index] = tier;
    }
    return tier;
  }

  /** True for the first caller with this id, who must then store the blob. `id`: eight words. */
  claim(type: BlobType, id: Uint32Array): boolean {
    let current = Atomics.load(this.#header, CURRENT);
    for (let index = 0; index <= current; index++) {
      if (index === TIERS) return true;
      const verdict = this.#claimIn(index, READY[type], id, index === current);
      if (verdict !== undefined) return verdict;
      current = Atomics.load(this.#header, CURRENT);
    }
    return this.claim(type, id);
  }

  /** Undefined: not in this tier, and not added to it. */
  #claimIn(index: number, ready: number, id: Uint32Array, mayAdd: boolean): boolean | undefined {
    const tier = this.#tier(index);
    const slots = slotsOf(index);
    let hash = Math.imul((id[0] as number) ^ this.#seed, 0x85eb_ca6b) ^ (id[1] as number);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2_ae35);
    for (let slot = (hash ^ (hash >>> 16)) & (slots - 1); ; ) {
      const at = slot * SLOT_WORDS;
      const state = Atomics.load(tier, at);
      if (state === EMPTY) {
        if (!mayAdd) return undefined;
        if (Atomics.compareExchange(tier, at, EMPTY, WRITING) !== EMPTY) continue;
        for (let i = 0; i < 8; i++) tier[at + 1 + i] = id[i] as number;
        Atomics.store(tier, at, ready);
        if (Atomics.add(this.#header, 1 + index, 1) + 1 > slots * MAX_LOAD) this.#nextTier(index);
        return true;
      }
      // Another thread is copying eight words: a matter of nanoseconds.
      if (state === WRITING) continue;
      if (state === ready && matches(tier, at + 1, id)) return false;
      slot = (slot + 1) & (slots - 1);
    }
  }

  #nextTier(full: number): void {
    if (full + 1 < TIERS) {
      try {
        this.#memory.grow(endOfTier(full + 1));
      } catch {
        // Another thread grew it in this moment: growing to the size it has, or a smaller one, throws.
        if (this.#memory.byteLength < endOfTier(full + 1)) return;
      }
    }
    Atomics.compareExchange(this.#header, CURRENT, full, full + 1);
  }
}

function matches(tier: Int32Array, at: number, id: Uint32Array): boolean {
  for (let i = 0; i < 8; i++) if (tier[at + i] !== ((id[i] as number) | 0)) return false;
  return true;
}
