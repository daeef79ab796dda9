// Marks what trees refer to, in whichever thread: one byte per index entry, shared by all threads, set on the first copy
// of each blob. A tree's own mark is the visited set: whoever sets it has to look into that tree.

import { isAppError } from '#lib/errors.ts';
import { Envelope } from '../crypto/envelope.ts';
import type { BlobType } from '../format/pack.ts';
import { iterateTree } from '../format/tree.ts';
import { type IndexSnapshot, SharedIndexReader } from '../repository/blob-index.ts';
import { BlobReader } from '../repository/blob-reader.ts';

export interface MarkerData {
  masterKey: Uint8Array;
  index: IndexSnapshot;
  /** One byte per entry of the index. */
  used: SharedArrayBuffer;
}

/** A range of a pack and the trees to look into that lie there, by entry. */
export interface MarkJob {
  bytes: Uint8Array<ArrayBuffer>;
  pack: number;
  /** Where in the pack the bytes start. */
  offset: number;
  trees: number[];
}

export interface MarkResult {
  looked: number;
  /** Trees found that lie elsewhere; this marker was the first to mark them. */
  trees: number[];
  /** Trees that could not be opened or read here. */
  damaged: number[];
  /** Blobs that are in no index. */
  unknown: { type: BlobType; id: string }[];
}

const ID = /^[0-9a-f]{64}$/;
/** Above this a tree is decoded node by node, so that it needs memory for one node, not for a million. */
const WHOLE_TREE_BYTES = 4 << 20;

interface References {
  content?: unknown;
  subtree?: unknown;
}

export class TreeMarker {
  readonly #index: SharedIndexReader;
  readonly #used: Uint8Array;
  readonly #reader: BlobReader;
  readonly #words = new Uint32Array(8);
  readonly #wordBytes = Buffer.from(this.#words.buffer);

  constructor({ masterKey, index, used }: MarkerData) {
    this.#index = new SharedIndexReader(index);
    this.#used = new Uint8Array(used);
    this.#reader = new BlobReader(new Envelope(masterKey));
  }

  /** The entry of the first copy; -1 when the blob is in no index. `isFirst`: nobody had marked it before. */
  mark(type: BlobType, id: unknown): { entry: number; isFirst: boolean } {
    if (typeof id !== 'string' || !ID.test(id)) return { entry: -1, isFirst: false };
    this.#wordBytes.write(id, 'hex');
    const entry = this.#index.find(type, this.#words);
    if (entry < 0) return { entry, isFirst: false };
    // Data needs no answer, and a plain store is cheaper.
    if (type === 'tree') return { entry, isFirst: Atomics.exchange(this.#used, entry, 1) === 0 };
    this.#used[entry] = 1;
    return { entry, isFirst: false };
  }

  /** Looks into the given trees, and into those they lead to as far as these lie in the same bytes. */
  look({ bytes, pack, offset, trees }: MarkJob): MarkResult {
    const result: MarkResult = { looked: 0, trees: [], damaged: [], unknown: [] };
    const pending = [...trees];
    for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
      const start = this.#index.offsetOf(entry) - offset;
      const sealed = bytes.subarray(start, start + this.#index.lengthOf(entry));
      const id = this.#index.idOf(entry);
      const plain = this.#reader.open(sealed, {
        type: 'tree',
        id,
        uncompressedLength: this.#index.uncompressedLengthOf(entry),
      });
      const before = result.trees.length;
      if (typeof plain === 'string' || !this.lookInto(plain, result)) result.damaged.push(entry);
      // What lies in these bytes needs no other request.
      const found = result.trees.splice(before);
      for (const tree of found) {
        const at = this.#index.offsetOf(tree) - offset;
        const isHere = this.#index.packOf(tree) === pack && at >= 0;
        if (isHere && at + this.#index.lengthOf(tree) <= bytes.length) pending.push(tree);
        else result.trees.push(tree);
      }
    }
    return result;
  }

  /** False when it is no tree; what was marked before that was noticed stays marked, which keeps too much, not too little. */
  lookInto(plain: Buffer, result: MarkResult): boolean {
    result.looked += 1;
    if (plain.length > WHOLE_TREE_BYTES) {
      try {
        for (const node of iterateTree(plain)) this.#markNode(node, result);
      } catch (error) {
        if (isAppError(error, 'repository-damaged')) return false;
        throw error;
      }
      return true;
    }
    let tree: { nodes?: unknown };
    try {
      tree = JSON.parse(plain.toString('utf8'));
    } catch {
      return false;
    }
    if (tree === null || typeof tree !== 'object' || !('nodes' in tree)) return false;
    // Go writes null for an empty list.
    const nodes = tree.nodes ?? [];
    if (!Array.isArray(nodes)) return false;
    for (const node of nodes) {
      if (node === null || typeof node !== 'object') return false;
      this.#markNode(node, result);
    }
    return true;
  }

  /** Whatever the type says: a reference that is not followed is data that is deleted. */
  #markNode({ content, subtree }: References, result: MarkResult): void {
    if (Array.isArray(content)) {
      for (const id of content) {
        if (this.mark('data', id).entry < 0) result.unknown.push({ type: 'data', id: String(id) });
      }
    }
    if (subtree === undefined || subtree === null) return;
    const { entry, isFirst } = this.mark('tree', subtree);
    if (entry < 0) result.unknown.push({ type: 'tree', id: String(subtree) });
    else if (isFirst) result.trees.push(entry);
  }

  close(): void {
    this.#reader.close();
  }
}
