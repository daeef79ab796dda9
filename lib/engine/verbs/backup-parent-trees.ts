import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';

/** Packs kept in memory, 16 MiB each: a folder's subfolders mostly lie in the same pack as the folder. */
const KEPT_PACKS = 3;

/** Trees of the parent snapshot as they lie in their packs; the threads of a backup open them. */
export class ParentTrees {
  readonly #repo: Repository;
  readonly #signal: AbortSignal;
  readonly #packs = new Map<string, Promise<Buffer>>();

  constructor(repo: Repository, signal: AbortSignal) {
    this.#repo = repo;
    this.#signal = signal;
  }

  /** Undefined when it cannot be had: whoever asked reports that, and the backup reads the folder's files again. */
  async sealed(id: string): Promise<{ sealed: Uint8Array; uncompressedLength: number | undefined } | undefined> {
    const place = this.#repo.lookup('tree', id);
    if (!place) return undefined;
    try {
      const pack = await this.#pack(place.pack);
      if (place.offset + place.length > pack.length) return undefined;
      const sealed = new Uint8Array(pack.subarray(place.offset, place.offset + place.length));
      return { sealed, uncompressedLength: place.uncompressedLength };
    } catch {
      return undefined;
    }
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
