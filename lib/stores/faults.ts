// A store that fails on purpose, around a real one: for tests, and for rehearsing what an operator would see.

import type { AppError } from '#lib/errors.ts';
import type { Store, StoreCallOptions, StoreEntry } from './store.ts';

export type StoreMethod = 'put' | 'get' | 'stat' | 'list' | 'delete' | 'prepare';

export interface Fault {
  /** One, or several that are counted together. */
  method: StoreMethod | readonly StoreMethod[];
  /** Which objects; default all. */
  name?: RegExp;
  /** How many matching calls go well before the first failure. */
  after?: number;
  /** How many calls fail then; default all. */
  times?: number;
  /** 'lost': fails before anything happens. 'done': does it, then fails, as a broken connection after the upload. */
  kind?: 'lost' | 'done';
  error: () => AppError;
}

/** Changes bytes on their way: what a store with broken memory or a tampering one would return. */
export interface Corruption {
  name: RegExp;
  change: (bytes: Buffer) => Buffer;
  /** How many reads are wrong; default all. */
  times?: number;
}

export class FaultyStore implements Store {
  readonly #inner: Store;
  readonly #faults: { fault: Fault; seen: number; failed: number }[];
  readonly #corruptions: { corruption: Corruption; done: number }[];
  /** Every call that reached the inner store, in order: 'put data/ab/…'. */
  readonly calls: string[] = [];

  constructor(inner: Store, faults: readonly Fault[], corruptions: readonly Corruption[] = []) {
    this.#inner = inner;
    this.#faults = faults.map((fault) => ({ fault, seen: 0, failed: 0 }));
    this.#corruptions = corruptions.map((corruption) => ({ corruption, done: 0 }));
  }

  get location(): string {
    return this.#inner.location;
  }

  get connections(): number {
    return this.#inner.connections;
  }

  #faultFor(method: StoreMethod, name: string): Fault | undefined {
    for (const state of this.#faults) {
      const { fault } = state;
      if (![fault.method].flat().includes(method) || (fault.name && !fault.name.test(name))) continue;
      state.seen += 1;
      if (state.seen <= (fault.after ?? 0) || state.failed >= (fault.times ?? Number.POSITIVE_INFINITY)) continue;
      state.failed += 1;
      return fault;
    }
    return undefined;
  }

  async #call<Result>(method: StoreMethod, name: string, work: () => Promise<Result>): Promise<Result> {
    const fault = this.#faultFor(method, name);
    if (fault && fault.kind !== 'done') throw fault.error();
    this.calls.push(`${method} ${name}`);
    const result = await work();
    if (fault) throw fault.error();
    return result;
  }

  put(name: string, parts: readonly Uint8Array[], options?: StoreCallOptions): Promise<void> {
    return this.#call('put', name, () => this.#inner.put(name, parts, options));
  }

  async get(name: string, range?: { offset: number; length: number }, options?: StoreCallOptions): Promise<Buffer> {
    const bytes = await this.#call('get', name, () => this.#inner.get(name, range, options));
    for (const state of this.#corruptions) {
      if (!state.corruption.name.test(name) || state.done >= (state.corruption.times ?? Number.POSITIVE_INFINITY))
        continue;
      state.done += 1;
      return state.corruption.change(bytes);
    }
    return bytes;
  }

  stat(name: string, options?: StoreCallOptions): Promise<StoreEntry> {
    return this.#call('stat', name, () => this.#inner.stat(name, options));
  }

  async *list(prefix: string, options?: StoreCallOptions): AsyncGenerator<StoreEntry> {
    await this.#call('list', prefix, async () => undefined);
    yield* this.#inner.list(prefix, options);
  }

  delete(name: string, options?: StoreCallOptions): Promise<void> {
    return this.#call('delete', name, () => this.#inner.delete(name, options));
  }

  prepare(options?: StoreCallOptions): Promise<void> {
    return this.#call('prepare', '', () => this.#inner.prepare(options));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
