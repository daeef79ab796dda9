// Worker thread of a BlobSaver.

import { parentPort, workerData } from 'node:worker_threads';
import { isAppError } from '#lib/errors.ts';
import { type BatchResult, type BlobBatch, BlobSealer, type SealerOptions } from './blob-saver-sealer.ts';
import type { PartialPack, SealedPack } from './pack-writer.ts';

export interface SaverThreadData extends SealerOptions {
  role: 'save';
  /** One word; not 0 when nobody wants the results any more. */
  stopped: SharedArrayBuffer;
}

export type ToSaverThread =
  | { kind: 'batch'; batch: BlobBatch }
  | { kind: 'give-partials' }
  | { kind: 'finish'; partials: PartialPack[] }
  /** Memory of a pack that is stored: it saves the next pack from touching new pages. */
  | { kind: 'body'; memory: ArrayBuffer }
  /** The last one. Threads end by themselves: one that is terminated while it loads native code takes the process with it. */
  | { kind: 'stop' };

/** Every message but 'body' and 'stop' has exactly one answer, in order; the packs it filled come before it. */
export type FromSaverThread =
  | { kind: 'pack'; pack: SealedPack }
  | { kind: 'batch-done'; result: BatchResult }
  | { kind: 'partials'; partials: PartialPack[] }
  | { kind: 'finished' }
  | { kind: 'failed'; code: string; message: string; hint?: string };

const port = parentPort;
if (!port) throw new Error('blob-saver-thread.ts runs in a worker thread only');

function send(message: FromSaverThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}

let freeBody: ArrayBuffer | undefined;

const data = workerData as SaverThreadData;
const stopped = new Int32Array(data.stopped);

const sealer = new BlobSealer(
  data,
  // The header is small and cloned; the body moves.
  (pack) => send({ kind: 'pack', pack }, [pack.body]),
  () => {
    const memory = freeBody;
    freeBody = undefined;
    return memory;
  },
);

function handle(message: ToSaverThread): void {
  if (Atomics.load(stopped, 0) !== 0 && message.kind !== 'stop') return;
  switch (message.kind) {
    case 'batch':
      send({ kind: 'batch-done', result: sealer.add(message.batch) });
      return;
    case 'give-partials': {
      const partials = sealer.takePartials();
      send(
        { kind: 'partials', partials },
        partials.map(({ body }) => body),
      );
      return;
    }
    case 'finish':
      sealer.finish(message.partials);
      send({ kind: 'finished' });
      return;
    case 'body':
      freeBody ??= message.memory;
      return;
    case 'stop':
      port?.close();
      return;
  }
}

port.on('message', (message: ToSaverThread) => {
  try {
    handle(message);
  } catch (error) {
    const known = isAppError(error);
    send({
      kind: 'failed',
      code: known ? error.code : 'internal',
      message: known ? error.message : `A thread that stores blobs failed: ${(error as Error).stack}`,
      hint: known ? error.hint : undefined,
    });
  }
});
