// An open restic repository, format version 1 or 2. Obtained from openRepository() or initRepository() only, closed
// by whoever opened it. Readers need loadIndex() before any lookup, and list snapshots *before* they load the index:
// whatever a listed snapshot needs is then in it.
//
// With a cpu pool, blobs are opened in worker threads; without one, in this thread: right for the web process and the
// command line, which open a few small ones.

import { hash } from 'node:crypto';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import type { Store } from '#lib/stores/store.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { Envelope } from '../crypto/envelope.ts';
import { compressOnce, decompressOnce } from '../crypto/zstd.ts';
import type { RepositoryConfig } from '../format/config.ts';
import { decodeIndexFile } from '../format/index-file.ts';
import { type BlobType, headerBytes, type PackEntry } from '../format/pack.ts';
import type { KeyId, PackId } from '../types.ts';
import { BlobIndex, type BlobLocation } from './blob-index.ts';
import { BlobReader, damageText, type SealedBlob } from './blob-reader.ts';
import { type FileIds, type FileKind, fileName, folderName, idFromName, type UnpackedKind } from './files.ts';
import { acquireLock, type HeldLock, type LockMode, type LockOptions } from './lock.ts';

/** First byte of a compressed unpacked file; `{` or `[` start an uncompressed one. */
const COMPRESSED = 2;
/** More than any index of a sane repository; a bound against a file that decompresses without end. */
const MAX_UNPACKED_BYTES = 1 << 30;

export interface IndexedPackInfo {
  id: PackId;
  /** By ascending offset. */
  blobs: PackEntry[];
  /** Bytes the file must have: the blobs and the header that lists them. */
  size: number;
}

interface CallOptions {
  signal?: AbortSignal;
}

export class Repository {
  readonly id: string;
  readonly version: number;
  readonly store: Store;
  readonly chunkerPolynomial: bigint;
  /** Lives longer than the repository; not closed with it. */
  readonly cpu: CpuPool | undefined;
  /** The key file that opens it: not to be removed. Another one after changePassword(), which alone sets it. */
  keyId: KeyId;
  #index = new BlobIndex();
  #loadedIndexes = new Set<string>();
  readonly #masterKey: Buffer;
  readonly #envelope: Envelope;
  #reader: BlobReader | undefined;

  constructor(store: Store, config: RepositoryConfig, key: { id: KeyId; masterKey: Buffer }, cpu?: CpuPool) {
    this.id = config.id;
    this.version = config.version;
    this.store = store;
    this.chunkerPolynomial = config.chunkerPolynomial;
    this.cpu = cpu;
    this.keyId = key.id;
    this.#masterKey = key.masterKey;
    this.#envelope = new Envelope(key.masterKey);
  }

  get index(): BlobIndex {
    return this.#index;
  }

  /** For worker threads of this process that seal or open blobs. Never logged, stored or sent anywhere else. */
  get masterKey(): Buffer {
    return this.#masterKey;
  }

  /** Loads index files that were not loaded yet; starts over when one that was loaded has gone (someone pruned). */
  async loadIndex(options: CallOptions = {}): Promise<void> {
    const listed: FileIds['index'][] = [];
    for await (const file of this.listFiles('index', options)) listed.push(file.id);
    const there = new Set<string>(listed);
    if ([...this.#loadedIndexes].some((id) => !there.has(id))) {
      this.#index = new BlobIndex();
      this.#loadedIndexes = new Set();
    }
    const missing = listed.filter((id) => !this.#loadedIndexes.has(id));
    await inParallel(missing, this.store.connections, async (id) => {
      throwIfCancelled(options.signal);
      const packs = decodeIndexFile(id, await this.loadUnpacked('index', id, options));
      for (const pack of packs) this.#index.addPack(pack.id, pack.blobs);
      this.#loadedIndexes.add(id);
    });
  }

  /** Told by the writer of an index file, so that loadIndex() need not read it back. */
  indexWritten(id: FileIds['index'], packs: Iterable<{ id: PackId; blobs: Iterable<PackEntry> }>): void {
    for (const pack of packs) this.#index.addPack(pack.id, pack.blobs);
    this.#loadedIndexes.add(id);
  }

  lookup(type: BlobType, id: string): BlobLocation | undefined {
    return this.#index.lookup(type, id);
  }

  /** Every indexed pack. The index must not be loaded again meanwhile. */
  *packs(): Generator<IndexedPackInfo> {
    for (const { id, blobs } of this.#index.packs()) {
      const end = blobs.reduce((sum, blob) => sum + blob.length, 0);
      yield { id, blobs, size: end + headerBytes(blobs) };
    }
  }

  /**
   * Plaintext of a blob. A damaged copy is read a second time, since the damage may be the way's, then other copies are
   * tried. Throws 'repository-damaged' naming blob and pack when none is good or the index does not know the blob.
   */
  async loadBlob(type: BlobType, id: string, options: CallOptions = {}): Promise<Buffer> {
    const places = this.#index.lookupAll(type, id);
    if (places.length === 0) {
      throw new AppError('repository-damaged', `The index does not know the ${type} blob ${id}.`);
    }
    let failure: unknown;
    for (const place of places) {
      for (let attempt = 0; attempt < 2; attempt++) {
        throwIfCancelled(options.signal);
        try {
          const sealed = await this.loadSealed(place, options);
          return await this.openBlob(sealed, { type, id, uncompressedLength: place.uncompressedLength }, place.pack);
        } catch (error) {
          if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
          failure = error;
        }
      }
    }
    if (isAppError(failure, 'repository-damaged')) throw failure;
    const pack = places.map((place) => place.pack.slice(0, 8)).join(', ');
    throw new AppError('repository-damaged', {
      message: `The pack ${pack} with ${type} blob ${id} is missing.`,
      cause: failure,
    });
  }

  /** Bytes of a blob as they lie in its pack. */
  loadSealed(place: BlobLocation, options: CallOptions = {}): Promise<Buffer> {
    const range = { offset: place.offset, length: place.length };
    return this.store.get(fileName('pack', place.pack), range, options);
  }

  /** Opens a blob whose bytes the caller has, for readers that fetch ranges of packs. `pack` is for the message only. */
  async openBlob(sealed: Uint8Array, blob: SealedBlob, pack?: string): Promise<Buffer> {
    const opened = this.cpu
      ? (await this.cpu.openBlobs(this.#masterKey, [sealed], [blob]))[0]
      : this.#blobReader().open(sealed, blob);
    if (Buffer.isBuffer(opened)) return opened;
    const where = pack ? ` in pack ${pack}` : '';
    throw new AppError(
      'repository-damaged',
      `The ${blob.type} blob ${blob.id}${where} is damaged: ${damageText(opened ?? 'length')}.`,
    );
  }

  #blobReader(): BlobReader {
    this.#reader ??= new BlobReader(this.#envelope);
    return this.#reader;
  }

  /** Files of a kind with their sizes, in any order. Foreign files are left out. */
  async *listFiles<Kind extends FileKind>(
    kind: Kind,
    options: CallOptions = {},
  ): AsyncGenerator<{ id: FileIds[Kind]; size: number }> {
    for await (const { name, size } of this.store.list(folderName(kind), options)) {
      const id = idFromName(kind, name);
      if (id) yield { id, size };
    }
  }

  /** JSON of a sealed file. A file whose name is not its hash is read once more, then 'repository-damaged'. */
  async loadUnpacked<Kind extends UnpackedKind>(
    kind: Kind,
    id: FileIds[Kind],
    options: CallOptions = {},
  ): Promise<Buffer> {
    let damage = '';
    for (let attempt = 0; attempt < 2; attempt++) {
      const file = await this.store.get(fileName(kind, id), undefined, options);
      if (hash('sha256', file, 'hex') !== id) {
        damage = 'its content does not match its name';
        continue;
      }
      return openUnpacked(this.#envelope, file, `The ${kind} file ${id}`);
    }
    throw new AppError('repository-damaged', `The ${kind} file ${id} is damaged: ${damage}.`);
  }

  /** Seals, reads its own seal back, writes. Resolves when the file is durable. */
  async saveUnpacked<Kind extends UnpackedKind>(
    kind: Kind,
    json: Uint8Array,
    options: CallOptions = {},
  ): Promise<FileIds[Kind]> {
    const plain = this.version >= 2 ? Buffer.concat([Buffer.of(COMPRESSED), compressOnce(json)]) : Buffer.from(json);
    const sealed = this.#envelope.seal(plain);
    if (!openUnpacked(this.#envelope, sealed, `The new ${kind} file`).equals(json)) {
      throw new AppError(
        'internal',
        `A ${kind} file did not survive sealing; it is not written. Test this machine's memory.`,
      );
    }
    const id = hash('sha256', sealed, 'hex') as FileIds[Kind];
    await this.store.put(fileName(kind, id), [sealed], options);
    return id;
  }

  async removeFile<Kind extends FileKind>(kind: Kind, id: FileIds[Kind], options: CallOptions = {}): Promise<void> {
    await this.store.delete(fileName(kind, id), options);
  }

  /**
   * 'shared' for everything that reads or adds, 'exclusive' for what deletes or must see nothing change. The caller
   * passes the lock's `signal` on to its work and releases it. Throws 'repository-locked' naming the holder.
   */
  lock(mode: LockMode, options: LockOptions = {}): Promise<HeldLock> {
    return acquireLock(this, mode, options);
  }

  /** The store is its owner's to close. */
  async close(): Promise<void> {
    this.#reader?.close();
    this.#reader = undefined;
    this.#index = new BlobIndex();
  }
}

function openUnpacked(envelope: Envelope, file: Buffer, what: string): Buffer {
  const plain = envelope.open(file);
  if (!plain) throw new AppError('repository-damaged', `${what} is damaged: its authentication code does not match.`);
  const first = String.fromCharCode(plain[0] ?? 0);
  if (first === '{' || first === '[') return plain;
  if (plain[0] !== COMPRESSED) throw new AppError('repository-damaged', `${what} is in an unknown encoding.`);
  try {
    return decompressOnce(plain.subarray(1), MAX_UNPACKED_BYTES);
  } catch (cause) {
    throw new AppError('repository-damaged', { message: `${what} does not decompress.`, cause });
  }
}

/** Runs `work` on every item, `limit` at once; the first failure stops the rest and is thrown. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lanes = Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, async () => {
    while (next < items.length) {
      const item = items[next] as T;
      next += 1;
      try {
        await work(item);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  });
  await Promise.all(lanes);
}
