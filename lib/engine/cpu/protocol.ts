// Messages between CpuPool and its threads.

import type { SealedBlob } from '../repository/blob-reader.ts';

export type PoolTask =
  | {
      task: 'open-blobs';
      masterKey: Uint8Array;
      /** The sealed blobs one after another, `lengths` long each. */
      bytes: Uint8Array<ArrayBuffer>;
      lengths: number[];
      blobs: SealedBlob[];
    }
  | { task: 'read-pack'; masterKey: Uint8Array; bytes: Uint8Array<ArrayBuffer> };

/** 'end' is the last one: the thread ends by itself. */
export type PoolRequest = (PoolTask & { id: number }) | { task: 'end' };

export type PoolReply = { id: number; result: unknown } | { id: number; error: string } | 'ready';
