// The threads of one backup, seen from the thread that runs it: hands out folders, passes results between threads,
// stores full packs, answers questions about the parent snapshot. It does no work itself, so that the event loop of a
// worker process stays free for its queue's lock.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
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
  type Job,
  MAIL,
  MAIN,
  PATH_REGION,
  type RangeJob,
  type ToThread,
} from '../cpu/backup-protocol.ts';
import { defaultEntry } from '../cpu/pool.ts';
import { compressionLevels } from '../crypto/zstd.ts';
import { pathTextFromBytes } from '../format/path-text.ts';
import { newClaimMemory } from '../repository/claims.ts';
import type { PartialPack, SealedPack } from '../repository/pack-writer.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupOptions, PathText, Problem, SelectionRules } from '../types.ts';
import { ParentTrees } from './backup-parent-trees.ts';
import type { BackupWriter } from './backup-writer.ts';

interface Thread {
  number: number;
  worker: Worker;
  port: MessagePort;
  ended: Promise<void>;
}

interface SessionOptions {
  sources: BackupThreadData['sources'];
  rules: SelectionRules;
  compression: BackupOptions['compression'];
  onProblem: (problem: Problem) => void;
}

/**
 * A thread costs about 100 ms of processor time to start: as much as one thread needs for a folder with few changes. Some
 * start at once, beside the repository's lock, which takes 200 ms of waiting. The others, and the counting walk, start only
 * when the work lasts longer.
 */
const EARLY_THREADS = 2;
const MORE_THREADS_MS = 60;
const COUNT_AFTER_MS = 150;

/** Of a stream: in the mail of the thread that stores it. */
const PIECE_BYTES = 1 << 20;
const PIECES_AWAY = 4;

/** For a thread's own report of why it ended, which says more. */
const LAST_WORDS_MS = 200;

/** V8 lets a thread's young objects grow to 48 MB otherwise, of which nothing survives: 30 MB a thread less, no slower. */
const YOUNG_MEGABYTES = 6;

function threadsOf(repo: Repository): number {
  return repo.cpu?.threads ?? availableParallelism();
}

function endedEarly(): AppError {
  return new AppError('internal', 'A thread of the backup ended before its work was done.');
}

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
  #queue: Job[] = [];
  #lastToken = 0;
  readonly #results = new Map<number, (nodes: string[]) => void>();
  readonly #waiting = new Map<string, (message: FromThread) => void>();
  readonly #packQueue: { pack: SealedPack; from: Thread }[] = [];
  #uploading = 0;
  readonly #uploads = new Set<Promise<void>>();
  readonly #timers: NodeJS.Timeout[] = [];
  #stopped = false;
  #finishing = false;
  #uploadsDone: (() => void) | undefined;
  #work: { writer: BackupWriter; signal: AbortSignal; parentTrees: ParentTrees } | undefined;
  #counting: Worker | undefined;
  counted: CountResult | undefined;
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects with the first failure of any thread or upload; never resolves. */
  readonly failure: Promise<never>;

  constructor(repo: Repository, options: SessionOptions) {
    this.#repo = repo;
    this.#options = options;
    this.#entry = repo.cpu?.entry ?? defaultEntry();
    const count = threadsOf(repo);
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
    while (this.#threads.length < Math.min(EARLY_THREADS, count)) this.#threads.push(this.#start());
  }

  /** Lets the threads work: the repository is locked, its index loaded, and `signal` ends the work. */
  begin(writer: BackupWriter, signal: AbortSignal): void {
    this.#work = { writer, signal, parentTrees: new ParentTrees(this.#repo, signal) };
    signal.addEventListener('abort', this.#onAbort, { once: true });
    for (const thread of this.#threads) this.#letWork(thread);
    this.#later(MORE_THREADS_MS, () => {
      for (const count = threadsOf(this.#repo); this.#threads.length < count; ) {
        const thread = this.#start();
        this.#threads.push(thread);
        this.#letWork(thread);
      }
    });
    if (signal.aborted) this.#onAbort();
  }

  #letWork(thread: Thread): void {
    this.#send(thread, { kind: 'begin', index: this.#repo.index.snapshot() });
  }

  /** Runs `start` unless the work is done by then. */
  #later(ms: number, start: () => void): void {
    const timer = setTimeout(() => {
      if (!this.#stopped && !this.#finishing) start();
    }, ms);
    this.#timers.push(timer);
  }

  readonly #onAbort = () => this.#fail(this.#work?.signal.reason);

  #start(): Thread {
    const number = this.#threads.length;
    const { port1, port2 } = new MessageChannel();
    const levels = compressionLevels(this.#options.compression ?? 'auto', this.#repo.version);
    const workerData: BackupThreadData = {
      role: 'backup',
      number,
      port: port2,
      control: this.#control.buffer as SharedArrayBuffer,
      counters: this.#counters.buffer as SharedArrayBuffer,
      paths: this.#paths,
      claims: this.#claims,
      claimSeed: this.#claimSeed,
      masterKey: new Uint8Array(this.#repo.masterKey),
      chunkerPolynomial: this.#repo.chunkerPolynomial,
      levels,
      maxPacksAway: Math.ceil(this.#repo.store.connections / threadsOf(this.#repo)),
      sources: this.#options.sources,
      rules: this.#options.rules,
    };
    const worker = new Worker(this.#entry, {
      workerData,
      transferList: [port2],
      name: `backup-${number}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
    });
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
      case 'need-trees':
        void this.#answerTrees(thread, message.ids);
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

  #answer<Kind extends 'tree-saved' | 'partials' | 'finished' | 'stream-saved'>(thread: Thread, kind: Kind) {
    const arrived = new Promise<Extract<FromThread, { kind: Kind }>>((resolve) => {
      this.#waiting.set(`${kind} ${thread.number}`, (message) => {
        this.#waiting.delete(`${kind} ${thread.number}`);
        resolve(message as Extract<FromThread, { kind: Kind }>);
      });
    });
    return Promise.race([arrived, this.failure]);
  }

  /** JSON of the nodes of some entries of a folder; '' for those that could not be stored. */
  run(job: Omit<RangeJob, 'kind' | 'origin' | 'token'>): Promise<string[]> {
    this.#lastToken += 1;
    const token = this.#lastToken;
    const done = new Promise<string[]>((resolve) => {
      this.#results.set(token, (nodes) => {
        this.#results.delete(token);
        resolve(nodes);
      });
    });
    const whole: RangeJob = { ...job, kind: 'range', origin: MAIN, token };
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

  /** Stores a stream as the blobs of one file. One at a time, before any job. The first failure of `content` is thrown. */
  async stream(content: AsyncIterable<Uint8Array>): Promise<{ blobs: string[]; size: number }> {
    const thread = this.#threads[0] as Thread;
    const saved = this.#answer(thread, 'stream-saved');
    // Nobody waits for it while pieces are sent.
    saved.catch(() => undefined);
    let mayBeAway = PIECES_AWAY;
    let taken = () => {};
    this.#waiting.set(`piece-taken ${thread.number}`, () => {
      mayBeAway += 1;
      taken();
    });
    this.#send(thread, { kind: 'stream' });
    const pieces = content[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await Promise.race([pieces.next(), this.failure]);
        if (next.done) break;
        for (let at = 0; at < next.value.length; at += PIECE_BYTES) {
          while (mayBeAway === 0) {
            const oneTaken = new Promise<void>((resolve) => {
              taken = resolve;
            });
            await Promise.race([oneTaken, this.failure]);
          }
          mayBeAway -= 1;
          const bytes = new Uint8Array(next.value.subarray(at, at + PIECE_BYTES));
          this.#send(thread, { kind: 'stream-piece', bytes }, [bytes.buffer]);
        }
      }
    } catch (error) {
      // Whoever makes the stream must learn that nobody reads on; what it says to that comes too late to matter.
      await pieces.return?.().catch(() => undefined);
      throw error;
    } finally {
      this.#waiting.delete(`piece-taken ${thread.number}`);
    }
    this.#send(thread, { kind: 'stream-piece', bytes: undefined });
    return saved;
  }

  /** When all jobs are done: closes the packs in hand, merged into as few as possible, and waits for every upload. */
  async finish(): Promise<void> {
    this.#finishing = true;
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
      const upload = (this.#work as { writer: BackupWriter }).writer
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

  async #answerTrees(thread: Thread, ids: readonly string[]): Promise<void> {
    const trees = (await this.#work?.parentTrees.sealed(ids)) ?? [];
    const memory = trees.map(({ sealed }) => sealed.buffer);
    this.#send(thread, { kind: 'parent-trees', trees }, memory);
  }

  /** Starts the counting walk, when the work lasts; `counted` is set when it ends. */
  count(): void {
    this.#later(COUNT_AFTER_MS, () => this.#startCount());
  }

  #startCount(): void {
    const { port1, port2 } = new MessageChannel();
    const workerData: CountThreadData = {
      role: 'count',
      port: port2,
      control: this.#control.buffer as SharedArrayBuffer,
      sources: this.#options.sources,
      rules: this.#options.rules,
    };
    const worker = new Worker(this.#entry, { workerData, transferList: [port2], name: 'count' });
    this.#counting = worker;
    // Totals are a comfort: without them progress has no percentage.
    worker.on('error', () => undefined);
    port1.on('message', (result: CountResult) => {
      this.counted = result;
      port1.close();
    });
    worker.once('exit', () => {
      // The news of its end overtakes what it said before.
      const last = receiveMessageOnPort(port1);
      if (last) this.counted = last.message as CountResult;
      port1.close();
    });
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
    for (const timer of this.#timers) clearTimeout(timer);
    Atomics.store(this.#control, CANCEL, 1);
    for (const { number } of this.#threads) {
      Atomics.add(this.#control, MAIL + number, 1);
      Atomics.notify(this.#control, MAIL + number);
    }
  }

  /** Ends all threads and waits for uploads under way: none may outlive the lock. Idempotent; call it in every case. */
  async close(): Promise<void> {
    this.#work?.signal.removeEventListener('abort', this.#onAbort);
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
