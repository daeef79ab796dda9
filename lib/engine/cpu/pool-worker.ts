// A thread of CpuPool: opens blobs and packs on request.

import { hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { isAppError } from '#lib/errors.ts';
import { Envelope } from '../crypto/envelope.ts';
import { readPackHeader } from '../format/pack.ts';
import { BlobReader } from '../repository/blob-reader.ts';
import type { PackVerdict } from './pool.ts';
import type { PoolReply, PoolRequest, PoolTask } from './protocol.ts';

const port = parentPort;
if (!port) throw new Error('pool-worker.ts runs in a worker thread only');

/** One reader per key: several repositories share a pool. Few, so the first ones made are dropped. */
const readers = new Map<string, BlobReader>();
const MAX_READERS = 8;

function readerFor(masterKey: Uint8Array): BlobReader {
  const name = hash('sha256', masterKey, 'hex');
  let reader = readers.get(name);
  if (!reader) {
    const [oldest] = readers.keys();
    if (readers.size >= MAX_READERS && oldest !== undefined) {
      readers.get(oldest)?.close();
      readers.delete(oldest);
    }
    reader = new BlobReader(new Envelope(masterKey));
    readers.set(name, reader);
  }
  return reader;
}

function readPack(reader: BlobReader, pack: Buffer): PackVerdict {
  const verdict: PackVerdict = {
    id: hash('sha256', pack, 'hex'),
    entries: undefined,
    headerProblem: undefined,
    damaged: [],
  };
  try {
    verdict.entries = readPackHeader(pack, reader.envelope);
  } catch (error) {
    if (!isAppError(error, 'repository-damaged')) throw error;
    verdict.headerProblem = error.message;
    return verdict;
  }
  for (const entry of verdict.entries) {
    const opened = reader.open(pack.subarray(entry.offset, entry.offset + entry.length), entry);
    if (typeof opened === 'string') verdict.damaged.push({ entry, damage: opened });
  }
  return verdict;
}

function run(request: PoolTask): { result: unknown; transfer: ArrayBuffer[] } {
  const reader = readerFor(request.masterKey);
  const bytes = Buffer.from(request.bytes.buffer);
  if (request.task === 'read-pack') return { result: readPack(reader, bytes), transfer: [] };
  let at = 0;
  const result = request.blobs.map((blob, i) => {
    const length = request.lengths[i] as number;
    const sealed = bytes.subarray(at, at + length);
    at += length;
    return reader.open(sealed, blob);
  });
  const transfer = result.flatMap((part) => (typeof part === 'string' ? [] : [part.buffer as ArrayBuffer]));
  return { result, transfer };
}

port.on('message', (request: PoolRequest) => {
  if (request.task === 'end') {
    port.close();
    return;
  }
  let reply: PoolReply;
  let transfer: ArrayBuffer[] = [];
  try {
    const done = run(request);
    reply = { id: request.id, result: done.result };
    transfer = done.transfer;
  } catch (error) {
    reply = { id: request.id, error: `A worker thread failed: ${(error as Error).message}` };
  }
  port.postMessage(reply, transfer);
});
port.postMessage('ready' satisfies PoolReply);
