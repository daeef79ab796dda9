// A store in memory: for tests, and as the reference of what contract.ts asks for.

import { throwIfCancelled } from '#lib/errors.ts';
import { noObject, shortObject, storeName, storePrefix } from './names.ts';
import type { Store, StoreCallOptions, StoreEntry } from './store.ts';

export class MemoryStore implements Store {
  readonly location = 'memory';
  readonly connections = 4;
  readonly #objects = new Map<string, Buffer>();

  async put(name: string, parts: readonly Uint8Array[], options: StoreCallOptions = {}): Promise<void> {
    storeName(name);
    throwIfCancelled(options.signal);
    this.#objects.set(name, Buffer.concat(parts));
  }

  async get(name: string, range?: { offset: number; length: number }, options: StoreCallOptions = {}): Promise<Buffer> {
    storeName(name);
    throwIfCancelled(options.signal);
    const object = this.#objects.get(name);
    if (!object) throw noObject(name, this.location);
    if (!range) return Buffer.from(object);
    if (range.offset + range.length > object.length) throw shortObject(name, range, object.length);
    return Buffer.from(object.subarray(range.offset, range.offset + range.length));
  }

  async stat(name: string, options: StoreCallOptions = {}): Promise<StoreEntry> {
    storeName(name);
    throwIfCancelled(options.signal);
    const object = this.#objects.get(name);
    if (!object) throw noObject(name, this.location);
    return { name, size: object.length };
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<StoreEntry> {
    storePrefix(prefix);
    for (const [name, object] of [...this.#objects]) {
      throwIfCancelled(options.signal);
      if (name.startsWith(prefix)) yield { name, size: object.length };
    }
  }

  async delete(name: string, options: StoreCallOptions = {}): Promise<void> {
    storeName(name);
    throwIfCancelled(options.signal);
    this.#objects.delete(name);
  }

  async prepare(): Promise<void> {}

  async close(): Promise<void> {}
}
