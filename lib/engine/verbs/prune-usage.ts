// Which blobs of a repository its snapshots need. Trees are looked into by worker threads, pack by pack: the trees of one
// pack that are waiting are fetched with one request where they lie near each other, with what lies before them: a folder
// is stored after the folders in it. Memory: two bytes per blob of the index, and the trees that wait, by number.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import { defaultEntry } from '../cpu/pool.ts';
import type { BlobType } from '../format/pack.ts';
import { type IndexSnapshot, SharedIndexReader } from '../repository/blob-index.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import type { PackId, Snapshot } from '../types.ts';
import { type MarkJob, type MarkResult, TreeMarker } from './prune-marker.ts';
import type { FromUsageThread, ToUsageThread, UsageThreadData } from './prune-usage-thread.ts';

/** Trees no further apart than this are fetched together: reading a gap is cheaper than another request. */
const MAX_GAP = 128 << 10;
const MAX_RANGE = 16 << 20;
/** Fetched before the first tree that waits: the folders in it are probably there. */
const READ_BEFORE = 512 << 10;
/** Less than this is done in this thread: a worker thread takes 100 ms of processor time to start. */
const INLINE_BYTES = 256 << 10;
/** One failure is enough to refuse; a few help to see what is wrong. */
const MAX_MISSING = 100;

export interface MissingBlob {
  type: BlobType;
  id: string;
  /** What is wrong with it; undefined: it is in no index. */
  damage?: string;
}

export interface Usage {
  index: SharedIndexReader;
  /** Entries of the index when this was made: what is added later is not judged. */
  entries: number;
  /** 1 for the first copy of each blob that is needed. */
  used: Uint8Array;
  missing: MissingBlob[];
  trees: number;
}

export interface UsageOptions {
  /** Trees looked into so far; how many there are only the end tells. */
  onProgress?: (trees: number) => void;
  signal?: AbortSignal;
}

/** The index must be loaded, and nobody may add to it meanwhile. */
export async function findUsage(
  repo: Repository,
  snapshots: readonly Snapshot[],
  options: UsageOptions,
): Promise<Usage> {
  const search = new UsageSearch(repo, options);
  try {
    return await search.run(snapshots);
  } finally {
    await search.close();
  }
}

interface UsageThread {
  worker: Worker;
  ended: Promise<void>;
  resolve: (result: MarkResult) => void;
  reject: (error: unknown) => void;
}

class UsageSearch {
  readonly #repo: Repository;
  readonly #options: UsageOptions;
  readonly #snapshot: IndexSnapshot;
  readonly #used: SharedArrayBuffer;
  readonly #index: SharedIndexReader;
  readonly #marker: TreeMarker;
  /** Trees that wait, by pack. */
  readonly #pending = new Map<number, number[]>();
  readonly #threads: UsageThread[] = [];
  readonly #missing = new Map<string, MissingBlob>();
  #inlineLeft = INLINE_BYTES;
  #trees = 0;
  #active = 0;
  #waiting: (() => void)[] = [];

  constructor(repo: Repository, options: UsageOptions) {
    this.#repo = repo;
    this.#options = options;
    this.#snapshot = repo.index.snapshot();
    this.#used = new SharedArrayBuffer(repo.index.size);
    this.#index = new SharedIndexReader(this.#snapshot);
    this.#marker = new TreeMarker(this.#markerData());
  }

  #markerData() {
    return { masterKey: new Uint8Array(this.#repo.masterKey), index: this.#snapshot, used: this.#used };
  }

  async run(snapshots: readonly Snapshot[]): Promise<Usage> {
    const entries = this.#repo.index.size;
    for (const { tree } of snapshots) {
      const { entry, isFirst } = this.#marker.mark('tree', tree);
      if (entry < 0) this.#miss({ type: 'tree', id: tree });
      else if (isFirst) this.#wait(entry);
    }
    const lanes = this.#repo.cpu?.threads ?? availableParallelism();
    await Promise.all(Array.from({ length: lanes }, (_, number) => this.#lane(number)));
    const missing = [...this.#missing.values()];
    return { index: this.#index, entries, used: new Uint8Array(this.#used), missing, trees: this.#trees };
  }

  #wait(entry: number): void {
    const pack = this.#index.packOf(entry);
    const waiting = this.#pending.get(pack);
    if (waiting) waiting.push(entry);
    else this.#pending.set(pack, [entry]);
  }

  #miss(blob: MissingBlob): void {
    if (this.#missing.size < MAX_MISSING) this.#missing.set(`${blob.type} ${blob.id}`, blob);
  }

  async #lane(number: number): Promise<void> {
    try {
      for (;;) {
        throwIfCancelled(this.#options.signal);
        const range = this.#nextRange();
        if (!range) {
          if (this.#active === 0) return;
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
          continue;
        }
        this.#active += 1;
        try {
          await this.#look(number, range);
        } finally {
          this.#active -= 1;
          this.#wake();
        }
      }
    } catch (error) {
      // The other lanes have nothing to wait for any more.
      this.#pending.clear();
      this.#wake();
      throw error;
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Trees of one pack that lie near each other, last ones first. */
  #nextRange(): { pack: number; trees: number[]; from: number; to: number } | undefined {
    const [next] = this.#pending;
    if (!next) return undefined;
    const [pack, waiting] = next;
    const index = this.#index;
    waiting.sort((a, b) => index.offsetOf(a) - index.offsetOf(b));
    const last = waiting.pop() as number;
    const trees = [last];
    const to = index.offsetOf(last) + index.lengthOf(last);
    let from = index.offsetOf(last);
    for (let tree = waiting.at(-1); tree !== undefined; tree = waiting.at(-1)) {
      const start = index.offsetOf(tree);
      if (from - (start + index.lengthOf(tree)) > MAX_GAP || to - start > MAX_RANGE) break;
      from = start;
      trees.push(tree);
      waiting.pop();
    }
    if (waiting.length === 0) this.#pending.delete(pack);
    return { pack, trees, from: Math.max(0, from - READ_BEFORE), to };
  }

  async #look(lane: number, range: { pack: number; trees: number[]; from: number; to: number }): Promise<void> {
    const { pack, trees, from, to } = range;
    const { signal } = this.#options;
    const result: MarkResult = { looked: 0, trees: [], damaged: [], unknown: [] };
    try {
      const name = fileName('pack', this.#repo.index.packId(pack) as PackId);
      const bytes = await this.#repo.store.get(name, { offset: from, length: to - from }, { signal });
      const job: MarkJob = { bytes: new Uint8Array(bytes), pack, offset: from, trees };
      this.#collect(await this.#lookAt(lane, job), result);
    } catch (error) {
      if (!isAppError(error, 'not-found', 'repository-damaged')) throw error;
      result.damaged.push(...trees);
    }
    for (const entry of result.damaged) await this.#lookAgain(entry, result);
    for (const blob of result.unknown) this.#miss(blob);
    for (const entry of result.trees) this.#wait(entry);
    this.#trees += result.looked;
    this.#options.onProgress?.(this.#trees);
  }

  #collect(from: MarkResult, into: MarkResult): void {
    into.looked += from.looked;
    into.trees.push(...from.trees);
    into.damaged.push(...from.damaged);
    into.unknown.push(...from.unknown);
  }

  #lookAt(lane: number, job: MarkJob): MarkResult | Promise<MarkResult> {
    if (job.bytes.length <= this.#inlineLeft) {
      this.#inlineLeft -= job.bytes.length;
      return this.#marker.look(job);
    }
    this.#inlineLeft = 0;
    this.#threads[lane] ??= this.#start();
    const thread = this.#threads[lane];
    return new Promise((resolve, reject) => {
      thread.resolve = resolve;
      thread.reject = reject;
      thread.worker.postMessage(job satisfies ToUsageThread, [job.bytes.buffer]);
    });
  }

  /** One lane uses it, one job at a time. */
  #start(): UsageThread {
    const workerData: UsageThreadData = { role: 'prune', ...this.#markerData() };
    const worker = new Worker(this.#repo.cpu?.entry ?? defaultEntry(), { workerData, name: 'prune' });
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const thread: UsageThread = { worker, ended, resolve: () => undefined, reject: () => undefined };
    worker.on('message', (reply: FromUsageThread) => {
      if ('result' in reply) thread.resolve(reply.result);
      else thread.reject(new AppError('internal', reply.error));
    });
    worker.on('error', (cause) => {
      const message = `A thread that looks for used data ended: ${(cause as Error).message}`;
      thread.reject(new AppError('internal', { message, cause }));
    });
    worker.on('exit', () => thread.reject(new AppError('internal', 'A thread that looks for used data ended early.')));
    return thread;
  }

  /** The damage may be the way's, or another copy may be whole. */
  async #lookAgain(entry: number, result: MarkResult): Promise<void> {
    const id = this.#index.idOf(entry);
    try {
      const plain = await this.#repo.loadBlob('tree', id, { signal: this.#options.signal });
      if (this.#marker.lookInto(plain, result)) return;
      this.#miss({ type: 'tree', id, damage: 'it is not a folder tree' });
    } catch (error) {
      if (!isAppError(error, 'repository-damaged')) throw error;
      this.#miss({ type: 'tree', id, damage: error.message });
    }
  }

  async close(): Promise<void> {
    this.#marker.close();
    await Promise.all(
      this.#threads.map((thread) => {
        thread?.worker.postMessage('stop' satisfies ToUsageThread);
        return thread?.ended;
      }),
    );
  }
}
