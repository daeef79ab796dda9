// Worker thread of restore: opens blobs, writes files, compares files. All of it synchronous:
// calls through fs.promises cost two to five times as much (measured, 100,000 small files).

import { hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Envelope } from '../crypto/envelope.ts';
import { BlobOpener } from './blob-opener.ts';
import { applyMetadata } from './metadata.ts';
import {
  type CompareDone,
  type CompareFile,
  type CompareJob,
  type EndJob,
  type FileFailure,
  jobBlobs,
  type PackJob,
  type RestoreDone,
  type RestoreJob,
  type RestoreRoot,
  type WholeFile,
} from './pack-jobs.ts';
import { Places, reasonOf } from './places.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const PRIVATE_MODE = 0o600;
/** 512 KiB of zeros, the chunk every hole of a file becomes. Where a file is all zeros it need not be written. */
const ZERO_CHUNK = '07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541';
/** What file systems give a hole in. */
const PAGE = 4096;
const ZERO_PAGE = Buffer.alloc(PAGE);

const opener = new BlobOpener(new Envelope((workerData as { masterKey: Uint8Array }).masterKey));

let places: Places | undefined;
let placesRoot: RestoreRoot | undefined;

function placesOf(root: RestoreRoot): Places {
  if (places && placesRoot?.fd === root.fd && placesRoot.target === root.target) return places;
  places?.close();
  placesRoot = root;
  places = new Places(root.target, root.fd);
  return places;
}

function failure(file: number, error: unknown): FileFailure {
  return { file, code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN', message: reasonOf(error) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for is anything else.
const ASCII = /^[\x00-\x7f]*$/;

/** Node's fs is faster with text than with bytes. */
function fsPath(path: string): string | Buffer {
  return ASCII.test(path) ? path : Buffer.from(path, 'latin1');
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

/** Leaves out pages of the file that are all zeros, where it has nothing yet. */
function writeSparse(fd: number, bytes: Buffer, position: number): void {
  let start = 0;
  let at = 0;
  const flush = (end: number) => {
    if (end > start) writeAll(fd, bytes.subarray(start, end), position + start);
  };
  while (at < bytes.length) {
    const end = Math.min(bytes.length, at + PAGE - ((position + at) % PAGE));
    if (ZERO_PAGE.compare(bytes, at, end, 0, end - at) === 0) {
      flush(at);
      start = end;
    }
    at = end;
  }
  flush(bytes.length);
}

/** A file of this name that an interrupted restore left is in nobody's use. */
function createFile(path: string | Buffer, temporary: boolean): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  try {
    return openSync(path, flags, PRIVATE_MODE);
  } catch (error) {
    if (!temporary || (error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    unlinkSync(path);
    return openSync(path, flags, PRIVATE_MODE);
  }
}

function writeWhole(at: Places, file: WholeFile, content: Buffer, sparse: boolean, done: RestoreDone): void {
  let written: string | Buffer;
  let fd: number;
  try {
    const prefix = at.prefix(file.folder);
    written = fsPath(`${prefix}/${file.temporary ?? file.name}`);
    fd = createFile(written, file.temporary !== undefined);
  } catch (error) {
    done.failures.push(failure(file.file, error));
    return;
  }
  try {
    try {
      if (sparse) {
        ftruncateSync(fd, content.length);
        writeSparse(fd, content, 0);
      } else writeAll(fd, content, 0);
      const failures = applyMetadata(written, file.metadata, { fd });
      if (failures.length > 0) done.metadata.push({ file: file.file, failures });
    } finally {
      closeSync(fd);
    }
    if (file.temporary !== undefined) renameSync(written, fsPath(`${at.prefix(file.folder)}/${file.name}`));
  } catch (error) {
    done.failures.push(failure(file.file, error));
    // Half a file must not stay; if it cannot be removed, the failure above already names it.
    try {
      unlinkSync(written);
    } catch {}
  }
}

function restore(job: RestoreJob): RestoreDone {
  const done: RestoreDone = { damaged: [], failures: [], metadata: [] };
  const at = placesOf(job.root);
  const { buffer, byteOffset } = job.bytes;
  let index = -1;
  for (const { id, offset, length, uncompressedLength, whole, parts } of jobBlobs(job)) {
    index += 1;
    const stored = Buffer.from(buffer, byteOffset + offset, length);
    const content = job.plain ? stored : opener.open(stored, id, uncompressedLength);
    if (typeof content === 'string') {
      done.damaged.push({ blob: index, damage: content });
      continue;
    }
    for (const file of whole) writeWhole(at, file, content, job.sparse, done);
    for (const { file, fd, offset: position, fresh } of parts) {
      try {
        if (!fresh) writeAll(fd, content, position);
        else if (id === ZERO_CHUNK) continue;
        else if (job.sparse) writeSparse(fd, content, position);
        else writeAll(fd, content, position);
      } catch (error) {
        done.failures.push(failure(file, error));
      }
    }
  }
  release(job.bytes);
  return done;
}

/** At once: the collector would let several jobs' worth of it pile up. */
function release({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) buffer.transfer(0);
}

let compareBuffer = Buffer.alloc(0);

/** Bytes read at a position; fewer than asked for at the end of the file only. */
function readAt(fd: number, length: number, position: number): Buffer {
  if (compareBuffer.length < length) compareBuffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, compareBuffer, filled, length - filled, position + filled);
    if (read === 0) break;
    filled += read;
  }
  return compareBuffer.subarray(0, filled);
}

function compareFile(at: Places | undefined, { file, folder, name, blobs, parts }: CompareFile, done: CompareDone) {
  const path = fsPath(`${at ? at.prefix(folder) : folder}/${name}`);
  // A FIFO that took its place must not hold the thread.
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = regularFile(fd);
    const present = new Uint8Array(blobs.length);
    let position = 0;
    let count = 0;
    for (const [i, { id, length }] of blobs.entries()) {
      const content = readAt(fd, length, position);
      position += length;
      if (content.length === length && hash('sha256', content, 'hex') === id) {
        present[i] = 1;
        count += 1;
      } else if (!parts) return;
    }
    if (count === blobs.length && readAt(fd, 1, position).length === 0) done.equal.push(file);
    else if (count > 0 && parts) {
      done.partial.push({ file, blobs: present, identity: { dev, ino, size, mtimeNs, ctimeNs } });
    }
  } finally {
    closeSync(fd);
  }
}

function regularFile(fd: number) {
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile()) throw new Error('It is no regular file any more.');
  return stat;
}

function compare({ files, root }: CompareJob): CompareDone {
  const done: CompareDone = { equal: [], partial: [], failures: [] };
  const at = root && placesOf(root);
  for (const file of files) {
    try {
      compareFile(at, file, done);
    } catch (error) {
      done.failures.push(failure(file.file, error));
    }
  }
  return done;
}

function result(job: PackJob | EndJob): RestoreDone | CompareDone | undefined {
  if (job.kind === 'restore') return restore(job);
  if (job.kind === 'compare') return compare(job);
  places?.close();
  return undefined;
}

parentPort?.on('message', (job: PackJob | EndJob) => parentPort?.postMessage(result(job)));
