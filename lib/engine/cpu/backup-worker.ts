// A thread of a backup: walks, reads, cuts, hashes, compresses, seals. Everything is synchronous, which is two to five
// times as fast as promises for many small files. The thread never returns to its event loop: see backup-protocol.ts.

import { hash } from 'node:crypto';
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { AppError, isAppError } from '#lib/errors.ts';
import { Envelope } from '../crypto/envelope.ts';
import { Compressor, Decompressor } from '../crypto/zstd.ts';
import type { BlobType } from '../format/pack.ts';
import { SharedIndexReader } from '../repository/blob-index.ts';
import { BlobReader } from '../repository/blob-reader.ts';
import { BlobClaims } from '../repository/claims.ts';
import { PACK_CAPACITY, type PackTools, PackWriter, type SealedPack } from '../repository/pack-writer.ts';
import { openAttributeReader } from '../walk/attributes.ts';
import { FileReader } from '../walk/file-blobs.ts';
import { Selection } from '../walk/selection.ts';
import { treeFromNodeTexts } from '../walk/tree-text.ts';
import { Walker } from '../walk/walker.ts';
import {
  type BackupThreadData,
  CANCEL,
  COUNTERS,
  type Counter,
  type FromThread,
  HUNGRY,
  MAIL,
  PATH_REGION,
  type PieceJob,
  type RangeJob,
  type SealedTree,
  type ToThread,
} from './backup-protocol.ts';

const ID_BYTES = 32;

const data = workerData as BackupThreadData;
const { port, number } = data;
const control = new Int32Array(data.control);
const counters = new Float64Array(data.counters, number * COUNTERS.length * 8, COUNTERS.length);
const pathWords = new Int32Array(data.paths, number * PATH_REGION, 2);
const pathBytes = Buffer.from(data.paths as unknown as ArrayBuffer, number * PATH_REGION + 8, PATH_REGION - 8);

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

const COUNTER_AT = Object.fromEntries(COUNTERS.map((name, at) => [name, at])) as Record<Counter, number>;

function add(counter: Counter, value: number): void {
  const at = COUNTER_AT[counter];
  counters[at] = (counters[at] as number) + value;
}

/** Cancelled from outside, or another thread failed: the main thread knows which. */
class Stopped extends Error {}

function checkStopped(): void {
  if (Atomics.load(control, CANCEL) !== 0) throw new Stopped();
}

// Mail ---------------------------------------------------------------------------------------------------------------

const inbox: ToThread[] = [];
let seenMail = 0;

function collectMail(): void {
  const now = Atomics.load(control, MAIL + number);
  if (now === seenMail) return;
  seenMail = now;
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) inbox.push(got.message);
}

/** Sleeps until there is mail; throws Stopped when woken to stop. */
function sleepForMail(): void {
  checkStopped();
  Atomics.wait(control, MAIL + number, seenMail);
  checkStopped();
  collectMail();
}

function waitFor<Kind extends ToThread['kind']>(kind: Kind): Extract<ToThread, { kind: Kind }> {
  for (;;) {
    collectMail();
    const at = inbox.findIndex((message) => message.kind === kind);
    if (at >= 0) return inbox.splice(at, 1)[0] as Extract<ToThread, { kind: Kind }>;
    sleepForMail();
  }
}

// Blobs --------------------------------------------------------------------------------------------------------------

const envelope = new Envelope(data.masterKey);
const decompressor = new Decompressor();
const scratch = { compressed: Buffer.alloc(0), opened: Buffer.alloc(0) };
/** Set by run() before anything is looked up. */
let index: SharedIndexReader;
const claims = new BlobClaims(data.claims, data.claimSeed);
const words = new Uint32Array(ID_BYTES / 4);
const wordBytes = Buffer.from(words.buffer);

let packsAway = 0;
const freeBodies: ArrayBuffer[] = [];

function emit(pack: SealedPack): void {
  // The header is small and cloned; the body moves.
  send({ kind: 'pack', pack }, [pack.body]);
  packsAway += 1;
  while (packsAway > data.maxPacksAway) bodyReturned(waitFor('body').memory);
}

function bodyReturned(memory: ArrayBuffer): void {
  packsAway -= 1;
  // Used again and again: fresh memory costs page faults, and dropped memory stays until V8 happens to look.
  if (memory.byteLength === PACK_CAPACITY) freeBodies.push(memory);
}

function toolsFor(level: number): PackTools {
  return { envelope, compressor: level > 0 ? new Compressor(level) : undefined, decompressor, scratch };
}

const writers: Record<BlobType, PackWriter> = {
  data: new PackWriter('data', toolsFor(data.levels.data), emit, () => freeBodies.pop()),
  tree: new PackWriter('tree', toolsFor(data.levels.tree), emit, () => freeBodies.pop()),
};

function saveBlob(type: BlobType, plain: Buffer): string {
  checkStopped();
  const id = hash('sha256', plain, 'hex');
  wordBytes.write(id, 'hex');
  if (index.has(type, words) || !claims.claim(type, words)) return id;
  const stored = writers[type].add(id, plain);
  add(type === 'data' ? 'dataBlobs' : 'treeBlobs', 1);
  add('dataAdded', plain.length);
  add('dataAddedPacked', stored);
  return id;
}

const saveTree = (tree: Buffer) => saveBlob('tree', tree);

// Folders ------------------------------------------------------------------------------------------------------------

const blobReader = new BlobReader(envelope);

/** Trees that were sent along with one that was needed. */
const treesAhead = new Map<string, SealedTree>();

function parentTree(id: string, next: () => string[]): Buffer | undefined {
  if (!treesAhead.has(id)) {
    // A question costs some 0.1 ms in either thread, as much as a small folder's files: it is asked for many at once.
    treesAhead.clear();
    send({ kind: 'need-trees', ids: [id, ...next()] });
    for (const tree of waitFor('parent-trees').trees) treesAhead.set(tree.id, tree);
  }
  const found = treesAhead.get(id);
  treesAhead.delete(id);
  const tree = found ? blobReader.open(found.sealed, { ...found, type: 'tree' }) : 'missing';
  if (Buffer.isBuffer(tree)) return tree;
  const message = `The folder tree ${id.slice(0, 8)} of the previous snapshot cannot be read; its files are read again.`;
  send({ kind: 'problem', problem: { path: '/', during: 'parent', message } });
  return undefined;
}

const attributes = openAttributeReader();
if (!attributes && number === 0) {
  const message = 'Extended attributes and ACLs cannot be read on this machine; everything is stored without them.';
  send({ kind: 'problem', problem: { path: '/', during: 'unsupported', message } });
}

let lastToken = 0;

const reader = new FileReader(
  data.chunkerPolynomial,
  (plain) => saveBlob('data', plain),
  (bytes) => {
    checkStopped();
    add('bytesDone', bytes);
  },
);

const walker = new Walker({
  reader,
  attributes,
  selections: data.sources.map(({ path, excludes }) => new Selection(path, excludes, data.rules)),
  saveTree,
  hasBlobs: (ids) =>
    ids.every((id) => {
      wordBytes.write(id, 'hex');
      return index.has('data', words);
    }),
  parentTree,
  done: (job, nodes) => send({ kind: 'range-done', origin: job.origin, token: job.token, nodes }),
  wanted: () => Atomics.load(control, HUNGRY) > 0,
  give: (job: Omit<RangeJob, 'origin' | 'token'> | Omit<PieceJob, 'origin' | 'token'>) => {
    Atomics.sub(control, HUNGRY, 1);
    lastToken += 1;
    send({ kind: 'offer', job: { ...job, origin: number, token: lastToken } });
    return lastToken;
  },
  problem: (problem) => send({ kind: 'problem', problem }),
  count: (what, of) => {
    const kind = { new: 'New', changed: 'Changed', unmodified: 'Unmodified' } as const;
    add(`${of}s${kind[what]}`, 1);
  },
  fileDone: (bytesSkipped) => {
    add('filesDone', 1);
    add('bytesDone', bytesSkipped);
  },
  otherDone: () => add('othersDone', 1),
  at: (path) => {
    // Odd while it is being written: a reader that sees an odd or a changed number drops what it read.
    Atomics.add(pathWords, 0, 1);
    const length = Math.min(path.length, pathBytes.length);
    pathBytes.write(path, 0, length, 'latin1');
    Atomics.store(pathWords, 1, length);
    Atomics.add(pathWords, 0, 1);
  },
});

function savePiece({ origin, token, path, offset, lengths }: PieceJob): void {
  const nodes = reader.readPiece(typeof path === 'string' ? path : Buffer.from(path), offset, lengths);
  send({ kind: 'range-done', origin, token, nodes });
}

/** One stream as a file. Its pieces come as fast as they are taken. */
function saveStream(): void {
  let piece: Uint8Array | undefined = new Uint8Array(0);
  let at = 0;
  const content = reader.readFrom((buffer, offset, length) => {
    while (piece !== undefined && at === piece.length) {
      piece = waitFor('stream-piece').bytes;
      at = 0;
      if (piece !== undefined) send({ kind: 'piece-taken' });
    }
    if (piece === undefined) return 0;
    const count = Math.min(length, piece.length - at);
    buffer.set(piece.subarray(at, at + count), offset);
    at += count;
    return count;
  });
  add('filesDone', 1);
  add('filesNew', 1);
  send({ kind: 'stream-saved', ...content });
}

function finish(message: Extract<ToThread, { kind: 'finish' }>): void {
  for (const partial of message.partials) writers[partial.type].adopt(partial);
  writers.data.flush();
  writers.tree.flush();
  send({ kind: 'finished' });
}

/** False when the thread is to end. */
function handle(message: ToThread): boolean {
  switch (message.kind) {
    case 'job':
      if (message.job.kind === 'range') walker.start(message.job);
      else savePiece(message.job);
      return true;
    case 'range-done':
      walker.jobDone(message.token, message.nodes);
      return true;
    case 'body':
      bodyReturned(message.memory);
      return true;
    case 'save-tree':
      send({ kind: 'tree-saved', id: saveTree(treeFromNodeTexts(message.nodes)) });
      return true;
    case 'stream':
      saveStream();
      return true;
    case 'give-partials': {
      const partials = [writers.data.takePartial(), writers.tree.takePartial()].filter((partial) => !!partial);
      send(
        { kind: 'partials', partials },
        partials.map(({ body }) => body),
      );
      return true;
    }
    case 'finish':
      finish(message);
      return true;
    case 'stop':
      return false;
    case 'begin':
    case 'stream-piece':
    case 'parent-trees':
      throw new AppError('internal', `A message "${message.kind}" came that nobody waits for.`);
  }
}

function run(): void {
  index = new SharedIndexReader(waitFor('begin').index);
  let idle = false;
  for (;;) {
    checkStopped();
    collectMail();
    for (let message = inbox.shift(); message; message = inbox.shift()) {
      if (message.kind === 'job') idle = false;
      if (!handle(message)) return;
    }
    if (walker.busy) {
      walker.step();
      continue;
    }
    if (!idle) {
      idle = true;
      send({ kind: 'idle' });
    }
    sleepForMail();
  }
}

try {
  run();
} catch (error) {
  if (!(error instanceof Stopped)) {
    const known = isAppError(error);
    send({
      kind: 'failed',
      code: known ? error.code : 'internal',
      message: known ? error.message : `A thread of the backup failed: ${(error as Error).stack}`,
      hint: known ? error.hint : undefined,
    });
  }
}
port.close();
