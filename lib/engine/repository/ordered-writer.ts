// Writing in the only order that survives a crash at any point: packs, then the index that names them, then snapshots.
// The order is in the types: an index is made from StoredPacks, which only a finished upload makes; a snapshot needs an
// IndexProof, which only a written index makes. Every write asks first whether the lock still holds.

import { AppError } from '#lib/errors.ts';
import { encodeIndexFile, type IndexedPack } from '../format/index-file.ts';
import { PackEntries } from '../format/pack.ts';
import { encodeSnapshot } from '../format/snapshot.ts';
import type { PackId, Snapshot } from '../types.ts';
import { CONFIG_NAME, fileName } from './files.ts';
import type { HeldLock } from './lock.ts';
import type { SealedPack } from './pack-writer.ts';
import type { Repository } from './repository.ts';

/** restic writes an index at this many blobs or this age, so that a run that dies late loses little. */
export const INDEX_BLOBS = 50_000;
const INDEX_AGE_MS = 10 * 60_000;

class StoredPack {
  readonly #pack: IndexedPack;
  constructor(pack: IndexedPack) {
    this.#pack = pack;
  }
  get pack(): IndexedPack {
    return this.#pack;
  }
}

/** Everything uploaded so far is in an index that is durable. */
class IndexProof {
  readonly #writer: OrderedWriter;
  constructor(writer: OrderedWriter) {
    this.#writer = writer;
  }
  belongsTo(writer: OrderedWriter): boolean {
    return this.#writer === writer;
  }
}

export type { IndexProof };

export class OrderedWriter {
  readonly #repo: Repository;
  readonly #lock: HeldLock;
  readonly #signal: AbortSignal;
  readonly #work: string;
  #unindexed: StoredPack[] = [];
  #unindexedBlobs = 0;
  #oldestAt = 0;
  #indexing: Promise<void> = Promise.resolve();
  #uploads = 0;

  /** `work`: what is going on, for messages: "backup", "prune". */
  constructor(repo: Repository, lock: HeldLock, signal: AbortSignal, work: string) {
    this.#repo = repo;
    this.#lock = lock;
    this.#signal = signal;
    this.#work = work;
  }

  /** A lock whose refresh is overdue is refreshed: after a suspend the work goes on. */
  async #mayWrite(): Promise<void> {
    this.#signal.throwIfAborted();
    if (!this.#lock.valid) await this.#confirmLock();
  }

  async #confirmLock(): Promise<void> {
    try {
      await this.#lock.confirm();
    } catch (cause) {
      throw new AppError('repository-locked', {
        message: `The lock on the repository at ${this.#repo.store.location} was lost; the ${this.#work} stopped before writing more.`,
        retryable: true,
        cause,
      });
    }
  }

  /** Uploads one pack; at most store.connections of these at once. Writes an index when it is time. */
  async storePack(pack: SealedPack): Promise<void> {
    await this.#mayWrite();
    const id = pack.id as PackId;
    this.#uploads += 1;
    try {
      const body = new Uint8Array(pack.body, 0, pack.bodyLength);
      await this.#repo.store.put(fileName('pack', id), [body, pack.header], { signal: this.#signal });
    } finally {
      this.#uploads -= 1;
    }
    if (this.#unindexed.length === 0) this.#oldestAt = performance.now();
    this.#unindexed.push(new StoredPack({ id, blobs: new PackEntries(pack.entries, pack.count) }));
    this.#unindexedBlobs += pack.count;
    if (this.#unindexedBlobs >= INDEX_BLOBS || performance.now() - this.#oldestAt >= INDEX_AGE_MS) {
      await this.#writeIndex();
    }
  }

  #writeIndex(): Promise<void> {
    const packs = this.#unindexed;
    this.#unindexed = [];
    this.#unindexedBlobs = 0;
    const before = this.#indexing;
    this.#indexing = (async () => {
      await before;
      if (packs.length === 0) return;
      await this.#mayWrite();
      const content = packs.map(({ pack }) => pack);
      const id = await this.#repo.saveUnpacked('index', encodeIndexFile(content), { signal: this.#signal });
      this.#repo.indexWritten(id, content);
    })();
    return this.#indexing;
  }

  /** Call when every storePack() has resolved. */
  async flush(): Promise<IndexProof> {
    if (this.#uploads > 0) throw new AppError('internal', 'The index may not be closed while packs are being stored.');
    await this.#writeIndex();
    return new IndexProof(this);
  }

  /** Last of all. */
  async writeSnapshot(proof: IndexProof, snapshot: Omit<Snapshot, 'id'>): Promise<Snapshot> {
    if (!proof.belongsTo(this) || this.#unindexed.length > 0 || this.#uploads > 0) {
      throw new AppError('internal', 'A snapshot may only follow the index of everything it refers to.');
    }
    this.#signal.throwIfAborted();
    // The last moment: from here on others rely on it.
    await this.#confirmLock();
    // A disk that was unmounted meanwhile took the packs with it: no snapshot may say otherwise.
    await this.#repo.store.stat(CONFIG_NAME, { signal: this.#signal });
    const id = await this.#repo.saveUnpacked('snapshot', encodeSnapshot(snapshot), { signal: this.#signal });
    return { ...snapshot, id };
  }
}
