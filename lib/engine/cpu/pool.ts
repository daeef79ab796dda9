// Worker threads for work that would starve the event loop. Threads start at the first task and are unref'd: an idle
// pool never keeps a process alive. Callers bound what they have in flight; the pool holds no more than it is given.

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AppError } from '#lib/errors.ts';
import type { PackEntry } from '../format/pack.ts';
import type { BlobDamage, SealedBlob } from '../repository/blob-reader.ts';
import type { PoolReply, PoolRequest, PoolTask } from './protocol.ts';

export interface CpuPoolOptions {
  /** Default: one per core. */
  threads?: number;
  /**
   * Absolute path of lib/engine/cpu/thread.mjs. Needed only where the code is bundled and import.meta.url no longer
   * tells where that file is.
   */
  entry?: string;
}

/** What reading a whole pack found. */
export interface PackVerdict {
  /** SHA-256 of the file, which must be its name. */
  id: string;
  /** Entries of its header; undefined with `headerProblem`. */
  entries: PackEntry[] | undefined;
  headerProblem: string | undefined;
  /** Blobs of the header that cannot be opened. */
  damaged: { entry: PackEntry; damage: BlobDamage }[];
}

interface Thread {
  worker: Worker;
  ready: boolean;
  pending: Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>;
}

export function defaultEntry(): string {
  return fileURLToPath(new URL('./thread.mjs', import.meta.url));
}

export function createCpuPool(options: CpuPoolOptions = {}): CpuPool {
  return new CpuPool(options);
}

export class CpuPool {
  readonly threads: number;
  readonly entry: string;
  readonly #threads: Thread[] = [];
  #nextId = 1;
  #closed = false;

  constructor(options: CpuPoolOptions) {
    this.threads = Math.max(1, options.threads ?? availableParallelism());
    this.entry = options.entry ?? defaultEntry();
  }

  /** Opens sealed blobs; per blob the plaintext or what is wrong with it. Copies the input. */
  async openBlobs(
    masterKey: Uint8Array,
    sealed: readonly Uint8Array[],
    blobs: readonly SealedBlob[],
  ): Promise<(Buffer | BlobDamage)[]> {
    const bytes = new Uint8Array(sealed.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of sealed) {
      bytes.set(part, at);
      at += part.length;
    }
    const lengths = sealed.map((part) => part.length);
    const plain = await this.#run<(Uint8Array | BlobDamage)[]>(
      { task: 'open-blobs', masterKey: new Uint8Array(masterKey), bytes, lengths, blobs: [...blobs] },
      [bytes.buffer],
    );
    return plain.map((part) => (typeof part === 'string' ? part : asBuffer(part)));
  }

  /** Reads a whole pack, every blob included, for check. `pack` is given away when it owns its memory, else copied. */
  readPack(masterKey: Uint8Array, pack: Uint8Array): Promise<PackVerdict> {
    const owned = pack.byteLength === pack.buffer.byteLength && pack.buffer instanceof ArrayBuffer;
    const bytes = (owned ? pack : new Uint8Array(pack)) as Uint8Array<ArrayBuffer>;
    const message = { task: 'read-pack' as const, masterKey: new Uint8Array(masterKey), bytes };
    return this.#run<PackVerdict>(message, [bytes.buffer]);
  }

  /** Ends the threads when they have done what they were given. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#threads.splice(0).map(({ worker }) => {
        worker.ref();
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage({ task: 'end' } satisfies PoolRequest);
        return ended;
      }),
    );
  }

  #run<Result>(task: PoolTask, transfer: ArrayBuffer[]): Promise<Result> {
    if (this.#closed) throw new AppError('internal', 'The cpu pool is closed.');
    const thread = this.#leastBusy();
    const id = this.#nextId++;
    thread.worker.ref();
    return new Promise<Result>((resolve, reject) => {
      thread.pending.set(id, { resolve, reject });
      thread.worker.postMessage({ id, ...task } satisfies PoolRequest, transfer);
    });
  }

  #leastBusy(): Thread {
    let best: Thread | undefined;
    for (const thread of this.#threads) if (!best || thread.pending.size < best.pending.size) best = thread;
    if (best && (best.pending.size === 0 || this.#threads.length >= this.threads)) return best;
    return this.#start();
  }

  #start(): Thread {
    const worker = new Worker(this.entry, { workerData: { role: 'pool' }, name: 'engine' });
    const thread: Thread = { worker, ready: false, pending: new Map() };
    const fail = (cause: unknown) => {
      const index = this.#threads.indexOf(thread);
      if (index >= 0) this.#threads.splice(index, 1);
      const error = new AppError('internal', { message: 'A worker thread of the backup engine ended.', cause });
      for (const { reject } of thread.pending.values()) reject(error);
      thread.pending.clear();
    };
    worker.on('message', (reply: PoolReply) => {
      if (reply === 'ready') {
        thread.ready = true;
        if (thread.pending.size === 0) worker.unref();
        return;
      }
      const waiting = thread.pending.get(reply.id);
      thread.pending.delete(reply.id);
      if (thread.pending.size === 0 && thread.ready) worker.unref();
      if ('error' in reply) waiting?.reject(new AppError('internal', reply.error));
      else waiting?.resolve(reply.result as never);
    });
    worker.on('error', fail);
    worker.on('exit', () => fail(undefined));
    // Not unref'd before it is ready: a thread that is cut off while it loads native code (koffi) takes the process with it.
    this.#threads.push(thread);
    return thread;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
