// Everything below a tree, from one repository to another. Trees are read one by one, several at once; the contents of
// files are collected and read pack by pack in ranges. Memory: COLLECTED blobs of 200 bytes, the ranges being read, and
// what BlobSaver holds.

import { randomBytes } from 'node:crypto';
import { AppError, isAppError } from '#lib/errors.ts';
import { iterateTree } from '../format/tree.ts';
import { type BlobLocation, idWords } from '../repository/blob-index.ts';
import type { BlobSaver } from '../repository/blob-saver.ts';
import { BlobClaims, newClaimMemory } from '../repository/claims.ts';
import { fileName } from '../repository/files.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { BlobId, PackId, TreeId } from '../types.ts';
import { stopIfAborted } from './repair-index-files.ts';

/** Blobs collected before they are read: enough to find those that lie side by side. */
const COLLECTED = 50_000;
/** One read. A blob may be larger. */
const RANGE_BYTES = 8 << 20;
/** Unwanted bytes that cost less than another request. */
const HOLE_BYTES = 256 << 10;
/** Trees taken from the stack at once. */
const TREE_BATCH = 64;

type WantedBlob = BlobLocation & { id: BlobId };

export interface CopyCounts {
  trees: number;
  /** Blobs found missing in the target so far, and those of them that were read. */
  blobsFound: number;
  blobsDone: number;
  bytesFound: number;
  bytesDone: number;
}

export interface BlobCopierOptions {
  /** Trees that were looked at and blobs that were collected, in flat memory; new after a failure. */
  seen: BlobClaims;
  counts: CopyCounts;
  signal: AbortSignal;
  onProgress: () => void;
}

export function newSeen(): BlobClaims {
  return new BlobClaims(newClaimMemory(), randomBytes(4).readInt32LE());
}

export class BlobCopier {
  readonly #from: Repository;
  readonly #to: Repository;
  readonly #saver: BlobSaver;
  readonly #options: BlobCopierOptions;
  #wanted = new Map<PackId, WantedBlob[]>();
  #wantedCount = 0;

  constructor(from: Repository, to: Repository, saver: BlobSaver, options: BlobCopierOptions) {
    this.#from = from;
    this.#to = to;
    this.#saver = saver;
    this.#options = options;
  }

  /** All of it is given to the saver when this resolves. Throws 'repository-damaged' when something cannot be read. */
  async copy(root: TreeId): Promise<void> {
    const stack: TreeId[] = [];
    const add = (id: TreeId) => {
      if (this.#options.seen.claim('tree', idWords(id))) stack.push(id);
    };
    add(root);
    while (stack.length > 0) {
      stopIfAborted(this.#options.signal);
      await inParallel(stack.splice(-TREE_BATCH), this.#from.store.connections, (id) => this.#copyTree(id, add));
      if (this.#wantedCount >= COLLECTED) await this.#readWanted();
    }
    await this.#readWanted();
  }

  async #copyTree(id: TreeId, add: (id: TreeId) => void): Promise<void> {
    const tree = await this.#from.loadBlob('tree', id, { signal: this.#options.signal });
    // As it is: another writer's form of a tree has another id.
    if (!this.#to.lookup('tree', id)) await this.#saver.save('tree', id, tree);
    for (const node of iterateTree(tree)) {
      if (node.type === 'dir' && node.subtree) add(node.subtree);
      for (const blob of node.content ?? []) this.#want(blob);
    }
    this.#options.counts.trees += 1;
    this.#options.onProgress();
  }

  #want(id: BlobId): void {
    if (this.#to.lookup('data', id) || !this.#options.seen.claim('data', idWords(id))) return;
    const place = this.#from.lookup('data', id);
    if (!place) throw new AppError('repository-damaged', `The blob ${id} is in no index of the source.`);
    const others = this.#wanted.get(place.pack);
    if (others) others.push({ ...place, id });
    else this.#wanted.set(place.pack, [{ ...place, id }]);
    this.#wantedCount += 1;
    this.#options.counts.blobsFound += 1;
    this.#options.counts.bytesFound += place.length;
  }

  async #readWanted(): Promise<void> {
    const ranges = [...this.#wanted].flatMap(([pack, blobs]) => rangesOf(pack, blobs));
    this.#wanted = new Map();
    this.#wantedCount = 0;
    await inParallel(ranges, this.#from.store.connections, async ({ pack, blobs }) => {
      stopIfAborted(this.#options.signal);
      const bytes = await this.#read(pack, blobs);
      const start = (blobs[0] as WantedBlob).offset;
      for (const { id, offset, length, uncompressedLength } of blobs) {
        const sealed = bytes?.subarray(offset - start, offset - start + length);
        // Without bytes the saver finds the blob damaged and looks for another copy.
        await this.#saver.saveSealed({ type: 'data', id, uncompressedLength }, sealed ?? Buffer.alloc(0), this.#from);
        this.#options.counts.blobsDone += 1;
        this.#options.counts.bytesDone += length;
        this.#options.onProgress();
      }
    });
  }

  async #read(pack: PackId, blobs: readonly WantedBlob[]): Promise<Buffer | undefined> {
    const first = blobs[0] as WantedBlob;
    const last = blobs.at(-1) as WantedBlob;
    const range = { offset: first.offset, length: last.offset + last.length - first.offset };
    try {
      return await this.#from.store.get(fileName('pack', pack), range, { signal: this.#options.signal });
    } catch (error) {
      if (!isAppError(error, 'not-found', 'repository-damaged')) throw error;
      return undefined;
    }
  }
}

function rangesOf(pack: PackId, blobs: WantedBlob[]): { pack: PackId; blobs: WantedBlob[] }[] {
  blobs.sort((a, b) => a.offset - b.offset);
  const ranges: { pack: PackId; blobs: WantedBlob[] }[] = [];
  for (const blob of blobs) {
    const range = ranges.at(-1)?.blobs;
    const [first, last] = [range?.[0], range?.at(-1)];
    const fits =
      first &&
      last &&
      blob.offset - (last.offset + last.length) <= HOLE_BYTES &&
      blob.offset + blob.length - first.offset <= RANGE_BYTES &&
      // An index with overlapping entries must not make a range end before its blobs do.
      blob.offset >= last.offset + last.length;
    if (fits) range?.push(blob);
    else ranges.push({ pack, blobs: [blob] });
  }
  return ranges;
}
