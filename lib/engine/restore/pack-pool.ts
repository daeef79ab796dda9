// Threads of a restore: one job each at a time, jobs wait in order. Made per restore and closed with it.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError } from '#lib/errors.ts';
import { defaultEntry } from '../cpu/pool.ts';
import type { EndJob, PackJob, PackJobResult } from './pack-jobs.ts';

const MAX_THREADS = 8;
const POLL_MS = 5;
/** What a thread makes is short-lived and small; V8's default of 48 MB for it only raises the peak. */
const YOUNG_MB = 12;

interface Waiting {
  job: PackJob | EndJob;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
}

export class PackPool {
  readonly size = Math.min(MAX_THREADS, availableParallelism());
  readonly #masterKey: Uint8Array;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Waiting>();
  readonly #queue: Waiting[] = [];
  #closed = false;

  constructor(masterKey: Uint8Array) {
    this.#masterKey = masterKey;
  }

  /** Hands the job's bytes over: the caller's view of them is empty afterwards when it owned the whole buffer. */
  run<Job extends PackJob>(job: Job): Promise<PackJobResult<Job>> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve: resolve as (result: never) => void, reject });
      this.#next();
    });
  }

  /** Starts all threads now, for work that is about to come. An idle thread does not keep the process alive. */
  start(): void {
    while (this.#idle.length + this.#busy.size < this.size) this.#idle.push(this.#start());
  }

  #next(): void {
    while (this.#queue.length > 0) {
      if (this.#closed) {
        this.#queue.shift()?.reject(new AppError('cancelled', 'The work was cancelled.'));
        continue;
      }
      const worker = this.#idle.pop() ?? (this.#busy.size < this.size ? this.#start() : undefined);
      if (!worker) return;
      const waiting = this.#queue.shift() as Waiting;
      this.#busy.set(worker, waiting);
      worker.ref();
      worker.postMessage(waiting.job, transferables(waiting.job));
    }
  }

  #start(): Worker {
    const worker = new Worker(defaultEntry(), {
      workerData: { role: 'restore', masterKey: this.#masterKey },
      name: 'restore',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.on('message', (result: unknown) => {
      const waiting = this.#busy.get(worker);
      this.#busy.delete(worker);
      this.#idle.push(worker);
      worker.unref();
      waiting?.resolve(result as never);
      this.#next();
    });
    worker.on('error', (cause) => {
      const waiting = this.#busy.get(worker);
      this.#busy.delete(worker);
      const idle = this.#idle.indexOf(worker);
      if (idle >= 0) this.#idle.splice(idle, 1);
      waiting?.reject(
        new AppError('internal', { message: `A restore thread failed: ${(cause as Error).message}`, cause }),
      );
      this.#next();
    });
    worker.unref();
    return worker;
  }

  /** Refuses what waits, lets running jobs end, so that no file stays half written, then ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#next();
    while (this.#busy.size > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    await Promise.all(this.#idle.splice(0).map((worker) => this.#end(worker)));
    this.#idle.length = 0;
  }

  /** A thread that is only terminated leaves the folders open that it opened: the target could not be unmounted. */
  async #end(worker: Worker): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#busy.set(worker, { job: { kind: 'end' }, resolve: () => resolve(), reject: () => resolve() });
      worker.ref();
      worker.postMessage({ kind: 'end' } satisfies EndJob);
    });
    await worker.terminate();
  }
}

function transferables(job: PackJob | EndJob): ArrayBuffer[] {
  if (job.kind !== 'restore') return [];
  const { buffer, byteLength } = job.bytes;
  // A slice of Node's shared pool must not be moved away from its other users.
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0 ? [buffer] : [];
}
