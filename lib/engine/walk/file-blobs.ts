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

/** Other threads, for the pieces of a large file. */
export interface Helpers {
  /** Some thread has nothing to do. */
  wanted(): boolean;
  /** Has the blobs of these lengths, from `offset` of the file on, stored by it; their ids go to `blobs` from `from` on. */
  give(piece: { offset: number; lengths: number[] }, blobs: string[], from: number): void;
}

/** Of a piece: finding its cuts takes a quarter of the time that storing it takes. */
const PIECE_BYTES = 32 << 20;

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
  read(path: string | Buffer, whileOpen: (file: number) => void, helpers?: Helpers): FileContent {
    const file = openSync(path, FLAGS);
    try {
      const stat = fstatSync(file, { bigint: true });
      if (!stat.isFile()) throw new NotAFile();
      whileOpen(file);
      const read: Read = (buffer, offset, length) => readSync(file, buffer, offset, length, null);
      return { ...this.readFrom(read, Number(stat.size), helpers), stat };
    } finally {
      closeSync(file);
    }
  }

  /**
   * Whatever `read` gives until it gives nothing. `expected`: bytes that are known to be there, if they are. Where there are
   * helpers, `blobs` may have gaps that they fill later.
   */
  readFrom(read: Read, expected = 0, helpers?: Helpers): { blobs: string[]; size: number } {
    const { buffer } = this.#chunker;
    const blobs: string[] = [];
    /** Only looked through for cuts, for another thread to store. */
    let piece: { offset: number; lengths: number[]; bytes: number } | undefined;
    let cutBytes = 0;
    const chunk = (from: number, to: number) => {
      const length = to - from;
      if (piece) {
        piece.lengths.push(length);
        piece.bytes += length;
      } else blobs.push(this.#save(buffer.subarray(from, to)));
      cutBytes += length;
    };
    const givePiece = () => {
      if (!piece) return;
      const from = blobs.length;
      for (const _ of piece.lengths) blobs.push('');
      helpers?.give({ offset: piece.offset, lengths: piece.lengths }, blobs, from);
      piece = undefined;
    };
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
      const last = size === expected && count < want;
      for (;;) {
        const cut = this.#chunker.cut(start, end, searched);
        if (cut === undefined) break;
        chunk(start, cut);
        start = cut;
        searched = cut;
        if (piece && piece.bytes >= PIECE_BYTES) givePiece();
        if (!piece && expected - cutBytes >= 2 * PIECE_BYTES && helpers?.wanted()) {
          piece = { offset: cutBytes, lengths: [], bytes: 0 };
        }
      }
      // One byte more than the file had was asked for and did not come: no need to ask again.
      if (last) break;
      searched = end + 1;
      want = READ_BYTES;
    }
    if (end > start) chunk(start, end);
    givePiece();
    return { blobs, size };
  }

  /** A piece of another thread's file: the ids of its blobs, or none when the file is no longer what it was. */
  readPiece(path: string | Buffer, offset: number, lengths: readonly number[]): string[] {
    const { buffer } = this.#chunker;
    const blobs: string[] = [];
    let file: number | undefined;
    try {
      file = openSync(path, FLAGS);
      let position = offset;
      for (const length of lengths) {
        let filled = 0;
        while (filled < length) {
          const count = readSync(file, buffer, filled, length - filled, position);
          if (count === 0) return [];
          filled += count;
          position += count;
        }
        blobs.push(this.#save(buffer.subarray(0, length)));
      }
      return blobs;
    } catch (error) {
      // The thread whose file it is reads it again and reports what it meets.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      return [];
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }
}
