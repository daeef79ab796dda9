// Saves blobs into new packs for verbs that rewrite: prune, repair, copy. Sealed in worker threads, a little work in this
// one; uploads at most store.connections packs at once; then index, then proof (ordered-writer.ts). Life of one:
//
//   const saver = new BlobSaver(repo, lock, { work: 'prune', signal });
//   try {
//     await saver.save('tree', id, plain);           // as many as there are, also from several lanes at once
//     await saver.saveSealed(blob, sealed, source);  // a blob as it lies in a pack of `source`
//     const proof = await saver.finish();            // every blob is durable and in a durable index
//     await saver.writer.writeSnapshot(proof, snapshot);
//   } finally {
//     await saver.close();                           // always, before the lock is released
//   }
//
// After finish() more may be saved, and finished again. The content of a blob is copied before save() first waits, so the
// caller may reuse its memory. Memory is bounded: IN_FLIGHT_BYTES on their way to the threads, two packs in hand and one
// given back per thread, and about store.connections packs being uploaded.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode, isAppError } from '#lib/errors.ts';
import { defaultEntry } from '../cpu/pool.ts';
import { compressionLevels } from '../crypto/zstd.ts';
import type { BlobType } from '../format/pack.ts';
import type { BackupOptions } from '../types.ts';
import { idWords } from './blob-index.ts';
import type { SealedBlob } from './blob-reader.ts';
import { type BatchResult, type BlobBatch, BlobSealer, type SealerOptions } from './blob-saver-sealer.ts';
import type { FromSaverThread, SaverThreadData, ToSaverThread } from './blob-saver-thread.ts';
import { BlobClaims, newClaimMemory } from './claims.ts';
import type { HeldLock } from './lock.ts';
import { type IndexProof, OrderedWriter } from './ordered-writer.ts';
import type { SealedPack } from './pack-writer.ts';
import type { Repository } from './repository.ts';

/** Below this nothing is worth a thread, which takes 100 ms of processor time to start; this thread seals it in 20 ms. */
const INLINE_BYTES = 1 << 20;
/** Small blobs travel together: a message costs as much as sealing one. */
const BATCH_BYTES = 1 << 20;
const BATCH_BLOBS = 1000;
const IN_FLIGHT_BYTES = 32 << 20;

export interface BlobSaverOptions {
  signal?: AbortSignal;
  /** What is going on, for messages: "prune", "copy". */
  work: string;
  /** Of blobs that are not compressed yet. */
  compression?: BackupOptions['compression'];
}

export interface SaverTotals {
  blobs: number;
  /** Bytes in their packs. */
  storedBytes: number;
}

interface Thread {
  worker: Worker;
  ended: Promise<void>;
  /** Batches it was given and has not answered, in order. */
  batches: { batch: BatchAway; from: Repository | undefined }[];
  bytes: number;
  answer: ((message: FromSaverThread) => void) | undefined;
}

type BatchAway = Pick<BlobBatch, 'blobs'> & { bytes: number };

export class BlobSaver {
  readonly writer: OrderedWriter;
  readonly #repo: Repository;
  readonly #signal: AbortSignal;
  readonly #sealing: SealerOptions;
  readonly #claims = new BlobClaims(newClaimMemory(), randomBytes(4).readInt32LE());
  readonly #threads: Thread[] = [];
  readonly #stopped = new SharedArrayBuffer(4);
  #inline: BlobSealer | undefined;
  #inlineLeft = INLINE_BYTES;
  #batch: { parts: Buffer[]; blobs: BlobBatch['blobs']; bytes: number; from: Repository | undefined } | undefined;
  #bytesAway = 0;
  #retrying = 0;
  readonly #packs: { pack: SealedPack; from: Thread | undefined }[] = [];
  readonly #uploads = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #waiting: (() => void)[] = [];
  #totals: SaverTotals = { blobs: 0, storedBytes: 0 };
  #closed = false;

  constructor(repo: Repository, lock: HeldLock, { signal, work, compression = 'auto' }: BlobSaverOptions) {
    this.#repo = repo;
    this.#signal = signal ? AbortSignal.any([signal, lock.signal]) : lock.signal;
    this.writer = new OrderedWriter(repo, lock, this.#signal, work);
    const levels = compressionLevels(compression, repo.version);
    this.#sealing = {
      masterKey: new Uint8Array(repo.masterKey),
      dataLevel: levels.data,
      treeLevel: levels.tree,
    };
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal.aborted) this.#onAbort();
  }

  /** What was saved so far; exact after finish(). */
  get totals(): Readonly<SaverTotals> {
    return this.#totals;
  }

  /** Takes a blob; resolves when there is room for more. False, and nothing happens, when it was saved here before. */
  async save(type: BlobType, id: string, plain: Uint8Array): Promise<boolean> {
    this.#throwIfFailed();
    if (!this.#claims.claim(type, idWords(id))) return false;
    await this.#add({ type, id, length: plain.length }, plain, undefined);
    return true;
  }

  /**
   * As save(), for a blob as it lies in a pack of `from`, which may be this repository or another. It is opened and verified,
   * its compressed content is kept. One that is damaged is loaded from `from` again, which tries its other copies.
   */
  async saveSealed({ type, id, uncompressedLength }: SealedBlob, sealed: Uint8Array, from: Repository) {
    this.#throwIfFailed();
    if (!this.#claims.claim(type, idWords(id))) return false;
    await this.#add({ type, id, length: sealed.length, uncompressedLength }, sealed, from);
    return true;
  }

  async #add(blob: BlobBatch['blobs'][number], content: Uint8Array, from: Repository | undefined): Promise<void> {
    if (this.#threads.length === 0 && content.length <= this.#inlineLeft) {
      this.#inlineLeft -= content.length;
      const bytes = new Uint8Array(content);
      this.#inline ??= new BlobSealer(this.#sealing, (pack) => this.#received(pack, undefined));
      const result = this.#inline.add({ bytes, blobs: [blob], sealedWith: from?.masterKey });
      this.#count({ blobs: [blob], bytes: 0 }, result, from);
    } else {
      if (this.#batch && this.#batch.from !== from) this.#post();
      this.#batch ??= { parts: [], blobs: [], bytes: 0, from };
      // A view would change when the caller reuses its memory.
      this.#batch.parts.push(Buffer.from(content));
      this.#batch.blobs.push(blob);
      this.#batch.bytes += content.length;
      if (this.#batch.bytes >= BATCH_BYTES || this.#batch.blobs.length >= BATCH_BLOBS) this.#post();
    }
    await this.#until(() => this.#bytesAway <= IN_FLIGHT_BYTES && this.#packs.length <= this.#repo.store.connections);
  }

  #post(): void {
    const batch = this.#batch;
    if (!batch) return;
    this.#batch = undefined;
    const bytes = new Uint8Array(batch.bytes);
    let at = 0;
    for (const part of batch.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const thread = this.#leastBusy();
    thread.batches.push({ batch: { blobs: batch.blobs, bytes: batch.bytes }, from: batch.from });
    thread.bytes += batch.bytes;
    this.#bytesAway += batch.bytes;
    const sealedWith = batch.from ? new Uint8Array(batch.from.masterKey) : undefined;
    send(thread, { kind: 'batch', batch: { bytes, blobs: batch.blobs, sealedWith } }, [bytes.buffer]);
  }

  #leastBusy(): Thread {
    let best: Thread | undefined;
    for (const thread of this.#threads) if (!best || thread.bytes < best.bytes) best = thread;
    const most = this.#repo.cpu?.threads ?? availableParallelism();
    if (best && (best.bytes === 0 || this.#threads.length >= most)) return best;
    return this.#start();
  }

  #start(): Thread {
    const workerData: SaverThreadData = { role: 'save', ...this.#sealing, stopped: this.#stopped };
    const worker = new Worker(this.#repo.cpu?.entry ?? defaultEntry(), { workerData, name: 'save' });
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const thread: Thread = { worker, ended, batches: [], bytes: 0, answer: undefined };
    worker.on('message', (message: FromSaverThread) => this.#receive(thread, message));
    worker.on('error', (cause) => {
      const message = `A thread that stores blobs ended: ${(cause as Error).message}`;
      this.#fail(new AppError('internal', { message, cause }));
    });
    worker.on('exit', () => {
      if (!this.#closed)
        this.#fail(new AppError('internal', 'A thread that stores blobs ended before its work was done.'));
    });
    this.#threads.push(thread);
    return thread;
  }

  #receive(thread: Thread, message: FromSaverThread): void {
    switch (message.kind) {
      case 'pack':
        this.#received(message.pack, thread);
        return;
      case 'batch-done': {
        const done = thread.batches.shift();
        if (!done) return;
        thread.bytes -= done.batch.bytes;
        this.#bytesAway -= done.batch.bytes;
        this.#count(done.batch, message.result, done.from);
        this.#changed();
        return;
      }
      case 'failed':
        this.#fail(new AppError(message.code as ErrorCode, { message: message.message, hint: message.hint }));
        return;
      case 'partials':
      case 'finished':
        thread.answer?.(message);
        return;
    }
  }

  #count({ blobs }: BatchAway, { storedBytes, damaged }: BatchResult, from: Repository | undefined): void {
    this.#totals.blobs += blobs.length - damaged.length;
    this.#totals.storedBytes += storedBytes;
    for (const place of damaged) {
      const blob = blobs[place];
      if (blob && from) void this.#retry(blob, from);
    }
  }

  /** The damage may be the way's, or there may be another copy; loadBlob() says what is wrong when neither helps. */
  async #retry({ type, id }: BlobBatch['blobs'][number], from: Repository): Promise<void> {
    this.#retrying += 1;
    try {
      const plain = await from.loadBlob(type, id, { signal: this.#signal });
      await this.#add({ type, id, length: plain.length }, plain, undefined);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#retrying -= 1;
      this.#changed();
    }
  }

  // Uploads --------------------------------------------------------------------------------------------------------

  #received(pack: SealedPack, from: Thread | undefined): void {
    this.#packs.push({ pack, from });
    this.#upload();
  }

  #upload(): void {
    while (!this.#failure && this.#uploads.size < this.#repo.store.connections) {
      const next = this.#packs.shift();
      if (!next) break;
      const upload = this.writer
        .storePack(next.pack)
        .then(() => {
          const memory = next.pack.body;
          if (next.from && !this.#closed) send(next.from, { kind: 'body', memory }, [memory]);
        })
        .catch((error) => this.#fail(error))
        .finally(() => {
          this.#uploads.delete(upload);
          this.#upload();
          this.#changed();
        });
      this.#uploads.add(upload);
    }
  }

  /** Everything saved so far is stored and indexed when this resolves. Call it when every save() has resolved. */
  async finish(): Promise<IndexProof> {
    do {
      this.#post();
      await this.#until(() => this.#bytesAway === 0 && this.#retrying === 0);
    } while (this.#batch);
    const partials = this.#inline?.takePartials() ?? [];
    const [first, ...others] = this.#threads;
    for (const thread of others) {
      const given = await this.#ask(thread, { kind: 'give-partials' });
      if (given.kind === 'partials') partials.push(...given.partials);
    }
    // The packs in hand of all threads become as few as possible.
    if (first) {
      const bodies = partials.map(({ body }) => body);
      await this.#ask(first, { kind: 'finish', partials }, bodies);
    } else this.#inline?.finish(partials);
    await this.#until(() => this.#packs.length === 0 && this.#uploads.size === 0);
    return await this.writer.flush();
  }

  async #ask(thread: Thread, message: ToSaverThread, transfer: ArrayBuffer[] = []): Promise<FromSaverThread> {
    let answer: FromSaverThread | undefined;
    thread.answer = (arrived) => {
      answer = arrived;
      this.#changed();
    };
    send(thread, message, transfer);
    await this.#until(() => answer !== undefined);
    return answer as unknown as FromSaverThread;
  }

  // Waiting and failing ----------------------------------------------------------------------------------------------

  async #until(condition: () => boolean): Promise<void> {
    this.#throwIfFailed();
    while (!condition()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#throwIfFailed();
    }
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #throwIfFailed(): void {
    if (this.#closed) throw new AppError('internal', 'Blobs may not be saved after the saver was closed.');
    if (this.#failure) throw this.#failure.error;
  }

  readonly #onAbort = () => {
    const { reason } = this.#signal;
    // A lost lock says so itself.
    this.#fail(
      isAppError(reason) ? reason : new AppError('cancelled', { message: 'The work was cancelled.', cause: reason }),
    );
  };

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#packs.length = 0;
    this.#changed();
  }

  /** Ends the threads and waits for uploads under way: none may outlive the lock. What is not finished is given up. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#packs.length = 0;
    this.#changed();
    Atomics.store(new Int32Array(this.#stopped), 0, 1);
    for (const thread of this.#threads) send(thread, { kind: 'stop' });
    await Promise.all(this.#threads.map(({ ended }) => ended));
    await Promise.allSettled(this.#uploads);
  }
}

function send(thread: Thread, message: ToSaverThread, transfer: ArrayBuffer[] = []): void {
  thread.worker.postMessage(message, transfer);
}
