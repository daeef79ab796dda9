// The threads of one backup, seen from the thread that runs it: hands out folders, passes results between threads,
// stores full packs, answers questions about the parent snapshot. It does no work itself, so that the event loop of a
// worker process stays free for its queue's lock.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { AppError, type ErrorCode } from '#lib/errors.ts';
import {
  type BackupThreadData,
  CANCEL,
  COUNTERS,
  type Counter,
  type CountResult,
  type CountThreadData,
  type FromThread,
  HUNGRY,
  MAIL,
  MAIN,
  PATH_REGION,
  type RangeJob,
  type ToThread,
} from '../cpu/backup-protocol.ts';
import { defaultEntry } from '../cpu/pool.ts';
import { LEVEL_AUTO, LEVEL_MAX } from '../crypto/zstd.ts';
import { pathTextFromBytes } from '../format/path-text.ts';
import { newClaimMemory } from '../repository/claims.ts';
import { fileName } from '../repository/files.ts';
import type { PartialPack, SealedPack } from '../repository/pack-writer.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupOptions, PathText, Problem } from '../types.ts';
import type { BackupWriter } from './backup-writer.ts';

interface Thread {
  number: number;
  worker: Worker;
  port: MessagePort;
  ended: Promise<void>;
}

interface SessionOptions {
  sources: { path: string; excludes: readonly string[] }[];
  compression: BackupOptions['compression'];
  writer: BackupWriter;
  signal: AbortSignal;
  onProblem: (problem: Problem) => void;
}

/** For a thread's own report of why it ended, which says more. */
const LAST_WORDS_MS = 200;

function endedEarly(): AppError {
  return new AppError('internal', 'A thread of the backup ended before its work was done.');
}

/** Tree packs of the parent kept in memory: a folder's subfolders mostly lie in the same pack. */
const KEPT_TREE_PACKS = 3;

export class BackupSession {
  readonly #repo: Repository;
  readonly #options: SessionOptions;
  readonly #entry: string;
  readonly #threads: Thread[] = [];
  readonly #control: Int32Array;
  readonly #counters: Float64Array;
  readonly #paths: SharedArrayBuffer;
  readonly #claims = newClaimMemory();
  readonly #claimSeed = randomBytes(4).readInt32LE();
  #idle: Thread[] = [];
  #queue: RangeJob[] = [];
  #lastToken = 0;
  readonly #results = new Map<number, (nodes: string[]) => void>();
  readonly #waiting = new Map<string, (message: FromThread) => void>();
  readonly #packQueue: { pack: SealedPack; from: Thread }[] = [];
  #uploading = 0;
  readonly #uploads = new Set<Promise<void>>();
  #stopped = false;
  #uploadsDone: (() => void) | undefined;
  readonly #treePacks = new Map<string, Promise<Buffer>>();
  #counting: Worker | undefined;
  counted: CountResult | undefined;
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects with the first failure of any thread or upload; never resolves. */
  readonly failure: Promise<never>;

  constructor(repo: Repository, options: SessionOptions) {
    this.#repo = repo;
    this.#options = options;
    this.#entry = repo.cpu?.entry ?? defaultEntry();
    const count = repo.cpu?.threads ?? availableParallelism();
    this.#control = new Int32Array(new SharedArrayBuffer((MAIL + count) * 4));
    this.#counters = new Float64Array(new SharedArrayBuffer(count * COUNTERS.length * 8));
    this.#paths = new SharedArrayBuffer(count * PATH_REGION);
    this.failure = new Promise((_, reject) => {
      this.#fail = (error) => {
        this.#stop();
        reject(error);
      };
    });
    // Whoever awaits it gets the error; without this, one that comes while nobody does would end the process.
    this.failure.catch(() => undefined);
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    for (let number = 0; number < count; number++) this.#threads.push(this.#start(number));
    if (options.signal.aborted) this.#onAbort();
  }

  readonly #onAbort = () => this.#fail(this.#options.signal.reason);

  #start(number: number): Thread {
    const { port1, port2 } = new MessageChannel();
    const { compression } = this.#options;
    const level = compression === 'max' ? LEVEL_MAX : LEVEL_AUTO;
    const canCompress = this.#repo.version >= 2;
    const workerData: BackupThreadData = {
      role: 'backup',
      number,
      port: port2,
      control: this.#control.buffer as SharedArrayBuffer,
      counters: this.#counters.buffer as SharedArrayBuffer,
      paths: this.#paths,
      claims: this.#claims,
      claimSeed: this.#claimSeed,
      index: this.#repo.index.snapshot(),
      masterKey: new Uint8Array(this.#repo.masterKey),
      chunkerPolynomial: this.#repo.chunkerPolynomial,
      dataLevel: canCompress && compression !== 'off' ? level : 0,
      treeLevel: canCompress ? level : 0,
      sources: this.#options.sources,
    };
    const worker = new Worker(this.#entry, { workerData, transferList: [port2], name: `backup-${number}` });
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        resolve();
        // A thread ends by itself only when told to. What it said before comes by another way and may come later.
        setTimeout(() => this.#fail(endedEarly()), LAST_WORDS_MS).unref();
      });
    });
    const thread: Thread = { number, worker, port: port1, ended };
    worker.on('error', (cause) => {
      this.#fail(
        new AppError('internal', { message: `A thread of the backup ended: ${(cause as Error).message}`, cause }),
      );
    });
    port1.on('message', (message: FromThread) => this.#receive(thread, message));
    return thread;
  }

  #send(thread: Thread, message: ToThread, transfer: ArrayBuffer[] = []): void {
    thread.port.postMessage(message, transfer);
    Atomics.add(this.#control, MAIL + thread.number, 1);
    Atomics.notify(this.#control, MAIL + thread.number);
  }

  #receive(thread: Thread, message: FromThread): void {
    switch (message.kind) {
      case 'idle': {
        const job = this.#queue.shift();
        if (job) this.#send(thread, { kind: 'job', job });
        else {
          this.#idle.push(thread);
          Atomics.add(this.#control, HUNGRY, 1);
        }
        return;
      }
      case 'offer': {
        // The thread that offers has already counted one hungry thread less.
        const idle = this.#idle.pop();
        if (idle) this.#send(idle, { kind: 'job', job: message.job });
        else {
          Atomics.add(this.#control, HUNGRY, 1);
          this.#queue.push(message.job);
        }
        return;
      }
      case 'range-done': {
        const { origin, token, nodes } = message;
        if (origin === MAIN) this.#results.get(token)?.(nodes);
        else this.#send(this.#threads[origin] as Thread, { kind: 'range-done', token, nodes });
        return;
      }
      case 'need-tree':
        void this.#answerTree(thread, message.id);
        return;
      case 'pack':
        this.#packQueue.push({ pack: message.pack, from: thread });
        this.#upload();
        return;
      case 'problem':
        this.#options.onProblem(message.problem);
        return;
      case 'failed':
        this.#fail(new AppError(message.code as ErrorCode, { message: message.message, hint: message.hint }));
        return;
      default:
        this.#waiting.get(`${message.kind} ${thread.number}`)?.(message);
    }
  }

  #answer<Kind extends 'tree-saved' | 'partials' | 'finished'>(thread: Thread, kind: Kind) {
    const arrived = new Promise<Extract<FromThread, { kind: Kind }>>((resolve) => {
      this.#waiting.set(`${kind} ${thread.number}`, (message) => {
        this.#waiting.delete(`${kind} ${thread.number}`);
        resolve(message as Extract<FromThread, { kind: Kind }>);
      });
    });
    return Promise.race([arrived, this.failure]);
  }

  /** JSON of the nodes of some entries of a folder; '' for those that could not be stored. */
  run(job: Omit<RangeJob, 'origin' | 'token'>): Promise<string[]> {
    this.#lastToken += 1;
    const token = this.#lastToken;
    const done = new Promise<string[]>((resolve) => {
      this.#results.set(token, (nodes) => {
        this.#results.delete(token);
        resolve(nodes);
      });
    });
    const whole: RangeJob = { ...job, origin: MAIN, token };
    const idle = this.#idle.pop();
    if (idle) {
      Atomics.sub(this.#control, HUNGRY, 1);
      this.#send(idle, { kind: 'job', job: whole });
    } else this.#queue.push(whole);
    return Promise.race([done, this.failure]);
  }

  /** Stores a tree made of nodes in ascending order; returns its id. One at a time. */
  async saveTree(nodes: string[]): Promise<string> {
    const thread = this.#threads[0] as Thread;
    const saved = this.#answer(thread, 'tree-saved');
    this.#send(thread, { kind: 'save-tree', nodes });
    return (await saved).id;
  }

  /** When all jobs are done: closes the packs in hand, merged into as few as possible, and waits for every upload. */
  async finish(): Promise<void> {
    const [first, ...others] = this.#threads as [Thread, ...Thread[]];
    const partials: PartialPack[] = [];
    for (const thread of others) {
      const given = this.#answer(thread, 'partials');
      this.#send(thread, { kind: 'give-partials' });
      partials.push(...(await given).partials);
    }
    const finished = this.#answer(first, 'finished');
    this.#send(
      first,
      { kind: 'finish', partials },
      partials.map(({ body }) => body),
    );
    await finished;
    if (this.#uploading > 0 || this.#packQueue.length > 0) {
      const done = new Promise<void>((resolve) => {
        this.#uploadsDone = resolve;
      });
      await Promise.race([done, this.failure]);
    }
  }

  #upload(): void {
    while (!this.#stopped && this.#uploading < this.#repo.store.connections) {
      const next = this.#packQueue.shift();
      if (!next) break;
      this.#uploading += 1;
      const upload = this.#options.writer
        .storePack(next.pack)
        .then(() => {
          const memory = next.pack.body;
          this.#send(next.from, { kind: 'body', memory }, [memory]);
        })
        .catch((error) => this.#fail(error))
        .finally(() => {
          this.#uploading -= 1;
          this.#uploads.delete(upload);
          this.#upload();
        });
      this.#uploads.add(upload);
    }
    if (this.#uploading === 0 && this.#packQueue.length === 0) this.#uploadsDone?.();
  }

  async #answerTree(thread: Thread, id: string): Promise<void> {
    const place = this.#repo.lookup('tree', id);
    let sealed: Uint8Array | undefined;
    try {
      const pack = place ? await this.#treePack(place.pack) : undefined;
      if (place && pack && place.offset + place.length <= pack.length) {
        sealed = new Uint8Array(pack.subarray(place.offset, place.offset + place.length));
      }
    } catch {
      // The thread reports that the tree cannot be read; the backup goes on without it.
    }
    this.#send(thread, { kind: 'parent-tree', sealed, uncompressedLength: place?.uncompressedLength });
  }

  #treePack(id: string): Promise<Buffer> {
    let pack = this.#treePacks.get(id);
    if (pack) this.#treePacks.delete(id);
    else pack = this.#repo.store.get(fileName('pack', id), undefined, { signal: this.#options.signal });
    this.#treePacks.set(id, pack);
    for (const oldest of this.#treePacks.keys()) {
      if (this.#treePacks.size <= KEPT_TREE_PACKS) break;
      this.#treePacks.delete(oldest);
    }
    return pack;
  }

  /** Starts the counting walk; `counted` is set when it ends. */
  count(): void {
    const { port1, port2 } = new MessageChannel();
    const workerData: CountThreadData = {
      role: 'count',
      port: port2,
      control: this.#control.buffer as SharedArrayBuffer,
      sources: this.#options.sources,
    };
    const worker = new Worker(this.#entry, { workerData, transferList: [port2], name: 'count' });
    this.#counting = worker;
    // Totals are a comfort: without them progress has no percentage.
    worker.on('error', () => undefined);
    port1.on('message', (result: CountResult) => {
      this.counted = result;
      port1.close();
    });
    worker.once('exit', () => port1.close());
  }

  counters(): Record<Counter, number> {
    const sums = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
    this.#counters.forEach((value, at) => {
      sums[COUNTERS[at % COUNTERS.length] as Counter] += value;
    });
    return sums;
  }

  /** Some file or folder that is being read. */
  currentPath(): PathText | undefined {
    for (const { number } of this.#threads) {
      const words = new Int32Array(this.#paths, number * PATH_REGION, 2);
      const before = Atomics.load(words, 0);
      const length = Atomics.load(words, 1);
      const bytes = Buffer.from(new Uint8Array(this.#paths, number * PATH_REGION + 8, length).slice());
      if (before % 2 === 0 && length > 0 && Atomics.load(words, 0) === before) return pathTextFromBytes(bytes);
    }
    return undefined;
  }

  #stop(): void {
    this.#stopped = true;
    Atomics.store(this.#control, CANCEL, 1);
    for (const { number } of this.#threads) {
      Atomics.add(this.#control, MAIL + number, 1);
      Atomics.notify(this.#control, MAIL + number);
    }
  }

  /** Ends all threads and waits for uploads under way: none may outlive the lock. Idempotent; call it in every case. */
  async close(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#stop();
    await Promise.all(
      this.#threads.map(async ({ ended, port }) => {
        await ended;
        port.close();
      }),
    );
    await Promise.allSettled(this.#uploads);
    await this.#counting?.terminate();
  }
}
