// The port behind which every place to keep bytes lives. A store knows names and bytes,
// never repositories. Every implementation passes contract.ts against a real server.
//
// Rules every implementation keeps:
// - Names are relative, '/'-separated, of [A-Za-z0-9._-] segments, never '..' (checked by storeName()).
// - Objects are write-once: put() of a name that exists is allowed only as a retry of the same bytes.
// - put() resolves only when the bytes would survive a power cut, and an object is seen whole or not at all.
// - Errors are AppErrors: 'not-found', 'no-space', 'permission-denied', 'unavailable', 'timeout', 'cancelled',
//   'repository-damaged' (object shorter than the range asked for).

export interface StoreEntry {
  name: string;
  /** Bytes. */
  size: number;
}

export interface StoreCallOptions {
  signal?: AbortSignal;
}

export interface Store {
  /** Where it is, for people and for `restic -r`; never contains a secret. */
  readonly location: string;
  /** How many calls it serves well at once. Callers keep to it. */
  readonly connections: number;
  /** Writes one object from parts, in order, without joining them first. */
  put(name: string, parts: readonly Uint8Array[], options?: StoreCallOptions): Promise<void>;
  /** Whole object, or exactly `length` bytes from `offset`; never short: too few bytes is an error. */
  get(name: string, range?: { offset: number; length: number }, options?: StoreCallOptions): Promise<Buffer>;
  /** Size in bytes; 'not-found' when there is none. */
  stat(name: string, options?: StoreCallOptions): Promise<StoreEntry>;
  /** Every object whose name starts with `prefix` (a folder, ending in '/'), in any order, each once. */
  list(prefix: string, options?: StoreCallOptions): AsyncIterable<StoreEntry>;
  /** Removes one object. Removing what is not there succeeds. */
  delete(name: string, options?: StoreCallOptions): Promise<void>;
  /** Prepares an empty place (creates folders); idempotent. Only init and backup to a new vault call it. */
  prepare(options?: StoreCallOptions): Promise<void>;
  /** Frees what the store holds open. Idempotent. */
  close(): Promise<void>;
}
