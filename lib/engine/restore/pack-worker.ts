// Worker thread of restore: opens blobs, writes files, compares files. All of it synchronous:
// calls through fs.promises cost two to five times as much (measured, 100,000 small files).

import { hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Envelope } from '../crypto/envelope.ts';
import { BlobReader } from '../repository/blob-reader.ts';
import { applyMetadata } from './metadata.ts';
import type {
  CompareDone,
  CompareFile,
  CompareJob,
  FileFailure,
  PackJob,
  RestoreDone,
  RestoreJob,
  WholeFile,
} from './pack-jobs.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const PRIVATE_MODE = 0o600;
/** 512 KiB of zeros, the chunk every hole of a file becomes. In a file that was made at full length it need not be written. */
const ZERO_CHUNK = '07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541';

const reader = new BlobReader(new Envelope((workerData as { masterKey: Uint8Array }).masterKey));

function failure(file: number, error: unknown): FileFailure {
  const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
  return { file, code, message };
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

function writeWhole(file: WholeFile, content: Uint8Array, done: RestoreDone): void {
  const path = Buffer.from(file.path, 'latin1');
  const written = file.temporary === undefined ? path : Buffer.from(file.temporary, 'latin1');
  let fd: number;
  try {
    fd = openSync(written, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_MODE);
  } catch (error) {
    done.failures.push(failure(file.file, error));
    return;
  }
  try {
    try {
      writeAll(fd, content, 0);
      const failures = applyMetadata(written, file.metadata, fd);
      if (failures.length > 0) done.metadata.push({ file: file.file, failures });
    } finally {
      closeSync(fd);
    }
    if (file.temporary !== undefined) renameSync(written, path);
  } catch (error) {
    done.failures.push(failure(file.file, error));
    // Half a file must not stay; if it cannot be removed, the failure above already names it.
    try {
      unlinkSync(written);
    } catch {}
  }
}

function restore({ bytes, blobs, empty }: RestoreJob): RestoreDone {
  const done: RestoreDone = { damaged: [], failures: [], metadata: [] };
  for (const file of empty) writeWhole(file, new Uint8Array(0), done);
  let open: { path: string; fd: number } | undefined;
  const close = () => {
    if (open) closeSync(open.fd);
    open = undefined;
  };
  for (const [index, blob] of blobs.entries()) {
    const sealed = bytes.subarray(blob.offset, blob.offset + blob.length);
    const content = blob.plain ? sealed : reader.open(sealed, { ...blob, type: 'data' });
    if (typeof content === 'string') {
      done.damaged.push({ blob: index, damage: content });
      continue;
    }
    for (const file of blob.whole) writeWhole(file, content, done);
    if (blob.id === ZERO_CHUNK) continue;
    for (const { file, path, offset } of blob.parts) {
      try {
        if (open?.path !== path) {
          close();
          open = { path, fd: openSync(Buffer.from(path, 'latin1'), O_WRONLY | O_NOFOLLOW) };
        }
        writeAll(open.fd, content, offset);
      } catch (error) {
        done.failures.push(failure(file, error));
      }
    }
  }
  close();
  return done;
}

let compareBuffer = Buffer.alloc(0);

/** The first difference ends it. */
function sameContent({ path, blobs }: CompareFile): boolean {
  const fd = openSync(Buffer.from(path, 'latin1'), O_RDONLY | O_NOFOLLOW);
  try {
    for (const { id, length } of blobs) {
      if (compareBuffer.length < length) compareBuffer = Buffer.allocUnsafeSlow(length);
      let filled = 0;
      while (filled < length) {
        const read = readSync(fd, compareBuffer, filled, length - filled, null);
        if (read === 0) return false;
        filled += read;
      }
      if (hash('sha256', compareBuffer.subarray(0, length), 'hex') !== id) return false;
    }
    return readSync(fd, Buffer.alloc(1), 0, 1, null) === 0;
  } finally {
    closeSync(fd);
  }
}

function compare({ files }: CompareJob): CompareDone {
  const done: CompareDone = { equal: [], failures: [] };
  for (const file of files) {
    try {
      if (sameContent(file)) done.equal.push(file.file);
    } catch (error) {
      done.failures.push(failure(file.file, error));
    }
  }
  return done;
}

parentPort?.on('message', (job: PackJob) => {
  parentPort?.postMessage(job.kind === 'restore' ? restore(job) : compare(job));
});
