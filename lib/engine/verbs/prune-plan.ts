// What a prune does with each pack: keeps it, deletes it, or carries what is needed of it into a new one (restic,
// doc/060_forget.rst). Counts only; nothing is read or written. Memory: six bytes per blob, some fifty per pack.

import { AppError } from '#lib/errors.ts';
import { entryBytes, headerBytes } from '../format/pack.ts';
import { PACK_TARGET } from '../repository/pack-writer.ts';
import type { PackId } from '../types.ts';
import {
  addAmount,
  emptySummary,
  maxUnusedBytes,
  type PruneAmount,
  type PruneLimits,
  type PruneSummary,
} from './prune-summary.ts';
import type { Usage } from './prune-usage.ts';

export interface PackChoice {
  summary: PruneSummary;
  /** Packs no index names. */
  unreferenced: PackId[];
  /** Numbers of packs, as in the index. */
  remove: number[];
  repack: number[];
  /** Not there and not needed: only the index has to forget them. */
  missingUnneeded: number[];
  /** 1 for entries that have to be carried over from the packs in `repack`. */
  carry: Uint8Array;
}

export interface BadPack {
  pack: number;
  /** Undefined: it is not there. */
  actualBytes?: number;
  expectedBytes: number;
}

/** Needed data that is not where the index says. */
export interface UnusablePacks {
  packs: BadPack[];
  /** First copies of the blobs. */
  entries: number[];
}

/** Small packs are worth it only in numbers: a single one would be carried over at every prune. */
const MIN_SMALL_PACKS = 10;
/** restic 0.19: below 80 % of the third percentile of all packs, at least of 4 MiB. */
const SMALL_SHARE = 0.8;
const SMALL_PERCENTILE = 0.03;
const SMALL_LEAST = 4 << 20;

const MIXED = 3;
const TREE = 2;
const DATA = 1;

export class PackSurvey {
  readonly #usage: Usage;
  readonly #packCount: number;
  /** Entry that stands for all copies of its blob. */
  readonly #first: Uint32Array;
  /** Copies of a used blob in packs that can be used, by first copy; 255 stands for many. */
  readonly #copies: Uint8Array;
  /** 1 for the copy that counts. */
  readonly #keep: Uint8Array;
  readonly #usable: Uint8Array;
  readonly #expected: Float64Array;
  readonly #actual: Float64Array;
  readonly #unreferenced: { id: PackId; size: number }[] = [];
  readonly #usedBlobs: Uint32Array;
  readonly #unusedBlobs: Uint32Array;
  readonly #duplicateBlobs: Uint32Array;
  readonly #unusedBytes: Float64Array;
  readonly #kind: Uint8Array;
  readonly #uncompressed: Uint8Array;

  /** `sizes`: every pack file that is there. */
  constructor(
    usage: Usage,
    index: { packCount: number; packNumber(id: string): number | undefined },
    sizes: Iterable<readonly [PackId, number]>,
  ) {
    const packs = index.packCount;
    this.#usage = usage;
    this.#packCount = packs;
    this.#first = new Uint32Array(usage.entries);
    this.#copies = new Uint8Array(usage.entries);
    this.#keep = new Uint8Array(usage.entries);
    this.#usable = new Uint8Array(packs);
    this.#expected = new Float64Array(packs).fill(headerBytes([]));
    this.#actual = new Float64Array(packs).fill(-1);
    this.#usedBlobs = new Uint32Array(packs);
    this.#unusedBlobs = new Uint32Array(packs);
    this.#duplicateBlobs = new Uint32Array(packs);
    this.#unusedBytes = new Float64Array(packs);
    this.#kind = new Uint8Array(packs);
    this.#uncompressed = new Uint8Array(packs);
    for (const [id, size] of sizes) {
      const pack = index.packNumber(id);
      if (pack === undefined) this.#unreferenced.push({ id, size });
      else this.#actual[pack] = size;
    }
    this.#measure();
  }

  #measure(): void {
    const { index, entries } = this.#usage;
    for (let entry = 0; entry < entries; entry++) {
      const pack = index.packOf(entry);
      const compressed = index.uncompressedLengthOf(entry) !== undefined;
      add(this.#expected, pack, index.lengthOf(entry) + entryBytes(compressed));
      this.#kind[pack] = (this.#kind[pack] as number) | (index.typeOf(entry) === 'tree' ? TREE : DATA);
      if (!compressed) this.#uncompressed[pack] = 1;
      this.#first[entry] = index.firstCopy(entry);
    }
    for (let pack = 0; pack < this.#packCount; pack++) {
      this.#usable[pack] = this.#actual[pack] === this.#expected[pack] ? 1 : 0;
    }
  }

  /** Undefined when every needed blob lies in a pack that is there, at its full length. */
  unusable(): UnusablePacks | undefined {
    const { index, entries, used } = this.#usage;
    if (this.#usable.every((usable) => usable === 1)) return undefined;
    const found = new Uint8Array(entries);
    for (let entry = 0; entry < entries; entry++) {
      if (this.#usable[index.packOf(entry)]) found[this.#first[entry] as number] = 1;
    }
    const lost: number[] = [];
    const bad = new Set<number>();
    for (let entry = 0; entry < entries; entry++) {
      const first = this.#first[entry] as number;
      if (!used[first] || found[first]) continue;
      bad.add(index.packOf(entry));
      if (entry === first) lost.push(entry);
    }
    if (lost.length === 0) return undefined;
    const packs = [...bad].map((pack) => {
      const actual = this.#actual[pack] as number;
      return { pack, actualBytes: actual < 0 ? undefined : actual, expectedBytes: this.#expected[pack] as number };
    });
    return { packs, entries: lost };
  }

  /** Call when unusable() found nothing. */
  choose(limits: PruneLimits, canCompress: boolean): PackChoice {
    const summary = this.#judgeBlobs();
    const remove: number[] = [];
    const missingUnneeded: number[] = [];
    const candidates: number[] = [];
    const small: number[] = [];
    const smallBytes = limits.repackSmallerThan ?? this.#smallPackBytes();
    for (let pack = 0; pack < this.#packCount; pack++) {
      const actual = this.#actual[pack] as number;
      const mustCompress = this.#mustCompress(pack, limits, canCompress);
      if (actual < 0) {
        missingUnneeded.push(pack);
        addAmount(summary.remove, this.#unusedBlobs[pack] as number, this.#unusedBytes[pack] as number);
      } else if (this.#usedBlobs[pack] === 0) {
        remove.push(pack);
        addAmount(summary.remove, this.#unusedBlobs[pack] as number, this.#unusedBytes[pack] as number);
      } else if (this.#unusedBlobs[pack] === 0 && this.#kind[pack] !== MIXED && !mustCompress) {
        if (actual < smallBytes) small.push(pack);
      } else candidates.push(pack);
    }
    const repack = this.#chooseRepacks(
      small.length < MIN_SMALL_PACKS ? candidates : [...candidates, ...small],
      { ...limits, smallBytes, canCompress },
      summary,
    );
    const carry = this.#carryFrom(repack);
    return this.#finish(summary, { remove, repack, missingUnneeded, carry });
  }

  #mustCompress(pack: number, { repackUncompressed }: PruneLimits, canCompress: boolean): boolean {
    return canCompress && repackUncompressed === true && this.#uncompressed[pack] === 1;
  }

  #smallPackBytes(): number {
    const sizes = this.#actual.filter((size) => size >= 0).sort();
    const percentile = sizes[Math.floor(sizes.length * SMALL_PERCENTILE)] ?? 0;
    return Math.min(PACK_TARGET, SMALL_SHARE * Math.max(SMALL_LEAST, percentile));
  }

  /** Counts every entry as used, unused or a second copy, and chooses the copy that counts. */
  #judgeBlobs(): PruneSummary {
    const { index, entries, used } = this.#usage;
    const summary = emptySummary();
    for (let entry = 0; entry < entries; entry++) {
      const first = this.#first[entry] as number;
      const copies = this.#copies[first] as number;
      if (used[first] && this.#usable[index.packOf(entry)] && copies < 255) this.#copies[first] = copies + 1;
    }
    let hasDuplicates = false;
    for (let entry = 0; entry < entries; entry++) {
      const pack = index.packOf(entry);
      const length = index.lengthOf(entry);
      const first = this.#first[entry] as number;
      if (!used[first]) this.#countUnused(pack, length, summary.unused);
      else if (this.#usable[pack] && this.#copies[first] === 1) {
        this.#keep[entry] = 1;
        add(this.#usedBlobs, pack, 1);
        addAmount(summary.used, 1, length);
      } else {
        // Unused until one of the copies is chosen.
        this.#countUnused(pack, length, summary.duplicate);
        if (!this.#usable[pack]) continue;
        add(this.#duplicateBlobs, pack, 1);
        hasDuplicates = true;
      }
    }
    if (hasDuplicates) this.#chooseCopies(summary);
    this.#assertEachKeptOnce();
    return summary;
  }

  #countUnused(pack: number, length: number, amount: PruneAmount): void {
    add(this.#unusedBlobs, pack, 1);
    add(this.#unusedBytes, pack, length);
    addAmount(amount, 1, length);
  }

  /**
   * Of several copies the first counts that lies in a pack with other used blobs, or in one of nothing but copies: such
   * packs are what an interrupted prune had carried over. Else the last one.
   */
  #chooseCopies(summary: PruneSummary): void {
    const { index, entries, used } = this.#usage;
    // From here on #copies holds those not looked at yet; 0 when one was chosen.
    for (let entry = 0; entry < entries; entry++) {
      const first = this.#first[entry] as number;
      const pack = index.packOf(entry);
      const left = this.#copies[first] as number;
      if (!used[first] || !this.#usable[pack] || this.#keep[entry] || left === 0) continue;
      const isLast = left === 1;
      const onlyCopies = this.#duplicateBlobs[pack] === this.#unusedBlobs[pack];
      if ((this.#usedBlobs[pack] as number) > 0 || onlyCopies || isLast) {
        const length = index.lengthOf(entry);
        this.#keep[entry] = 1;
        this.#copies[first] = 0;
        add(this.#usedBlobs, pack, 1);
        add(this.#unusedBlobs, pack, -1);
        add(this.#unusedBytes, pack, -length);
        addAmount(summary.used, 1, length);
        addAmount(summary.duplicate, -1, -length);
      } else this.#copies[first] = left - 1;
    }
  }

  /** What follows deletes data: that every needed blob is kept exactly once is proved, not hoped. */
  #assertEachKeptOnce(): void {
    const { entries, used } = this.#usage;
    const kept = new Uint8Array(entries);
    let good = true;
    for (let entry = 0; entry < entries; entry++) {
      const first = this.#first[entry] as number;
      if (!this.#keep[entry]) continue;
      if (kept[first] || !used[first]) good = false;
      kept[first] = 1;
    }
    for (let entry = 0; entry < entries; entry++) {
      if (this.#first[entry] === entry && used[entry] && !kept[entry]) good = false;
    }
    if (!good)
      throw new AppError('internal', 'The plan of a prune does not keep each needed blob once; nothing was changed.');
  }

  #chooseRepacks(
    candidates: number[],
    limits: PruneLimits & { smallBytes: number; canCompress: boolean },
    summary: PruneSummary,
  ): number[] {
    const { maxRepackBytes = Number.POSITIVE_INFINITY, smallBytes, canCompress } = limits;
    const maxUnused = maxUnusedBytes(limits.maxUnused ?? { percent: 5 }, summary.used.bytes);
    const size = (pack: number) => this.#expected[pack] as number;
    const isData = (pack: number) => this.#kind[pack] === DATA;
    const share = (pack: number) => (this.#unusedBytes[pack] as number) / size(pack);
    // Folders and mixed packs first, then small ones, then those with the largest unused part.
    const rank = (pack: number) => (isData(pack) ? (size(pack) < smallBytes ? 1 : 2) : 0);
    candidates.sort((a, b) => rank(a) - rank(b) || share(b) - share(a) || a - b);
    const repack: number[] = [];
    for (const pack of candidates) {
      const unused = this.#unusedBytes[pack] as number;
      const left = summary.duplicate.bytes + summary.unused.bytes - summary.remove.bytes - summary.repackRemove.bytes;
      if (summary.repack.bytes + size(pack) > maxRepackBytes) continue;
      const must = !isData(pack) || this.#mustCompress(pack, limits, canCompress) || size(pack) < smallBytes;
      if (!must && left <= maxUnused) continue;
      repack.push(pack);
      const unusedBlobs = this.#unusedBlobs[pack] as number;
      addAmount(summary.repack, unusedBlobs + (this.#usedBlobs[pack] as number), size(pack));
      addAmount(summary.repackRemove, unusedBlobs, unused);
    }
    return repack;
  }

  /** Chosen copies in packs that go, unless a pack that stays has another copy. */
  #carryFrom(repack: readonly number[]): Uint8Array {
    const { index, entries } = this.#usage;
    const going = new Uint8Array(this.#packCount);
    for (const pack of repack) going[pack] = 1;
    const stays = new Uint8Array(entries);
    for (let entry = 0; entry < entries; entry++) {
      const pack = index.packOf(entry);
      if (this.#usable[pack] && !going[pack] && (this.#usedBlobs[pack] as number) > 0) {
        stays[this.#first[entry] as number] = 1;
      }
    }
    const carry = new Uint8Array(entries);
    for (let entry = 0; entry < entries; entry++) {
      if (this.#keep[entry] && going[index.packOf(entry)] && !stays[this.#first[entry] as number]) carry[entry] = 1;
    }
    return carry;
  }

  #finish(
    summary: PruneSummary,
    { remove, repack, missingUnneeded, carry }: Omit<PackChoice, 'summary' | 'unreferenced'>,
  ): PackChoice {
    const bytesOf = (packs: readonly number[]) =>
      packs.reduce((sum, pack) => sum + Math.max(0, this.#actual[pack] as number), 0);
    const there = this.#actual.reduce((sum, size) => sum + Math.max(0, size), 0);
    const files = this.#actual.reduce((count, size) => count + (size >= 0 ? 1 : 0), 0);
    summary.unreferencedBytes = this.#unreferenced.reduce((sum, { size }) => sum + size, 0);
    summary.remainingBytes = Math.max(0, there - bytesOf(remove) - summary.repackRemove.bytes);
    summary.unusedAfterBytes =
      summary.duplicate.bytes + summary.unused.bytes - summary.remove.bytes - summary.repackRemove.bytes;
    summary.packs = {
      total: files + this.#unreferenced.length,
      keep: files - remove.length - repack.length,
      repack: repack.length,
      remove: remove.length,
      unreferenced: this.#unreferenced.length,
      missingUnneeded: missingUnneeded.length,
    };
    return { summary, unreferenced: this.#unreferenced.map(({ id }) => id), remove, repack, missingUnneeded, carry };
  }
}

function add(numbers: Float64Array | Uint32Array, at: number, value: number): void {
  numbers[at] = (numbers[at] as number) + value;
}
