import type { SealedTree } from '../cpu/backup-protocol.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';

/** Packs kept in memory, 16 MiB each: a folder's subfolders mostly lie in the same pack as the folder. */
const KEPT_PACKS = 3;
/** Of the sealed trees in one answer. */
const BATCH_BYTES = 1 << 20;

/** Trees of the parent snapshot as they lie in their packs; the threads of a backup open them. */
export class ParentTrees {
  readonly #repo: Repository;
  readonly #signal: AbortSignal;
  readonly #packs = new Map<string, Promise<Buffer>>();

  constructor(repo: Repository, signal: AbortSignal) {
    this.#repo = repo;
    this.#signal = signal;
  }

  /**
   * The first of `ids` and as many of the others as fit the budget. One that cannot be had is left out: whoever needs it
   * reports that, and the backup reads the folder's files again.
   */
  async sealed(ids: readonly string[]): Promise<SealedTree[]> {
    const trees: SealedTree[] = [];
    let bytes = 0;
    for (const id of ids) {
      const place = this.#repo.lookup('tree', id);
      if (!place) continue;
      bytes += place.length;
      if (trees.length > 0 && bytes > BATCH_BYTES) break;
      try {
        const pack = await this.#pack(place.pack);
        if (place.offset + place.length > pack.length) continue;
        const sealed = new Uint8Array(pack.subarray(place.offset, place.offset + place.length));
        trees.push({ id, sealed, uncompressedLength: place.uncompressedLength });
      } catch {
        // Left out, see above.
      }
    }
    return trees;
  }

  #pack(id: string): Promise<Buffer> {
    let pack = this.#packs.get(id);
    if (pack) this.#packs.delete(id);
    else pack = this.#repo.store.get(fileName('pack', id), undefined, { signal: this.#signal });
    this.#packs.set(id, pack);
    for (const oldest of this.#packs.keys()) {
      if (this.#packs.size <= KEPT_PACKS) break;
      this.#packs.delete(oldest);
    }
    return pack;
  }
}
