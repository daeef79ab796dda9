// Reads a file into blobs: straight into the chunker's memory, cut, hashed and stored from there.

import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Chunker, MAX_CHUNK } from '../chunker/rabin.ts';

/** Bytes per read of a large file. */
const READ_BYTES = 1 << 20;
const BUFFER_BYTES = MAX_CHUNK + 2 * READ_BYTES;
// O_NOFOLLOW and O_NONBLOCK: since lstat, the file may have become a link elsewhere, or a FIFO without a writer.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface FileContent {
  blobs: string[];
  /** Bytes read, which may differ from the size when the file is being written. */
  size: number;
  /** Taken after opening, from the file that was read. */
  stat: BigIntStats;
}

/** Puts at most `length` bytes into `buffer` at `offset`; returns how many, 0 at the end. */
export type Read = (buffer: Buffer, offset: number, length: number) => number;

export class NotAFile extends Error {}

export class FileReader {
  readonly #chunker: Chunker;
  readonly #save: (plain: Buffer) => string;
  readonly #onBytes: (bytes: number) => void;

  /** `save` stores a blob and returns its id; `onBytes` counts and may throw to stop. */
  constructor(polynomial: bigint, save: (plain: Buffer) => string, onBytes: (bytes: number) => void) {
    this.#chunker = new Chunker(polynomial, BUFFER_BYTES);
    this.#save = save;
    this.#onBytes = onBytes;
  }

  /** `whileOpen` gets the descriptor. Throws NotAFile, errors of the file system (with `code`), and what the others throw. */
  read(path: string | Buffer, whileOpen: (file: number) => void): FileContent {
    const file = openSync(path, FLAGS);
    try {
      const stat = fstatSync(file, { bigint: true });
      if (!stat.isFile()) throw new NotAFile();
      whileOpen(file);
      const read: Read = (buffer, offset, length) => readSync(file, buffer, offset, length, null);
      return { ...this.readFrom(read, Number(stat.size)), stat };
    } finally {
      closeSync(file);
    }
  }

  /** Whatever `read` gives until it gives nothing. `expected`: bytes that are known to be there, if they are. */
  readFrom(read: Read, expected = 0): { blobs: string[]; size: number } {
    const { buffer } = this.#chunker;
    const blobs: string[] = [];
    // One byte more than expected shows at once that a small file has not grown.
    let want = Math.min(Math.max(expected + 1, 1), READ_BYTES);
    let start = 0;
    let end = 0;
    let searched = 0;
    let size = 0;
    for (;;) {
      if (end + want > buffer.length) {
        buffer.copyWithin(0, start, end);
        searched -= start;
        end -= start;
        start = 0;
      }
      const count = read(buffer, end, want);
      if (count === 0) break;
      end += count;
      size += count;
      this.#onBytes(count);
      const last = size === expected && count < want && expected > 0;
      for (;;) {
        const cut = this.#chunker.cut(start, end, searched);
        if (cut === undefined) break;
        blobs.push(this.#save(buffer.subarray(start, cut)));
        start = cut;
        searched = cut;
      }
      // One byte more than the file had was asked for and did not come: no need to ask again.
      if (last) break;
      searched = end + 1;
      want = READ_BYTES;
    }
    if (end > start) blobs.push(this.#save(buffer.subarray(start, end)));
    return { blobs, size };
  }
}
