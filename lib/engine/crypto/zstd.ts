// zstd through contexts that are kept. Node's one-shot calls set up a context each time (40 µs here, more than
// everything else done to a small file); one handle used again and again costs 3 to 5 µs. The zstd API allows it:
// a frame that was ended leaves its context ready for the next one with the same parameters.
//
// Kept contexts reach into the stream object (`_handle`, `_writeState`), which Node does not document. Where they do
// not look as expected, the one-shot calls are used, which give the same bytes.

import zlib from 'node:zlib';
import type { Compression } from '../types.ts';

interface ZstdHandle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  close(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

interface Context {
  handle: ZstdHandle;
  /** [bytes of output left free, bytes of input not consumed] after each call. */
  state: Uint32Array;
  error: string | undefined;
}

const { ZSTD_e_continue, ZSTD_e_end, ZSTD_c_compressionLevel } = zlib.constants;

/** zstd's own formula, ZSTD_COMPRESSBOUND: room for input that does not compress, plus block and frame headers. */
export function compressBound(length: number): number {
  const smallInput = length < 1 << 17 ? ((1 << 17) - length) >>> 11 : 0;
  return length + (length >>> 8) + smallInput;
}

function contextOf(stream: unknown): Context | undefined {
  const { _handle: handle, _writeState: state } = stream as { _handle?: ZstdHandle; _writeState?: Uint32Array };
  if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array) || state.length < 2) return undefined;
  const context: Context = { handle, state, error: undefined };
  handle.onerror = (message) => {
    context.error = message;
  };
  return context;
}

export class Compressor {
  readonly #level: number;
  #context: Context | undefined;

  constructor(level: number) {
    this.#level = level;
    this.#context = contextOf(zlib.createZstdCompress({ params: { [ZSTD_c_compressionLevel]: level } }));
  }

  /** Writes one frame to the start of `output`; returns its length, or 0 when it does not fit there. */
  compressInto(input: Uint8Array, output: Uint8Array): number {
    const context = this.#context;
    if (!context) return this.#oneShot(input, output);
    context.handle.writeSync(ZSTD_e_end, input, 0, input.length, output, 0, output.length);
    const [free, left] = context.state as unknown as [number, number];
    // A full output may mean that the frame is not ended: the context is in the middle of it and of no further use.
    if (context.error !== undefined || left !== 0 || free === 0) {
      this.close();
      this.#context = contextOf(zlib.createZstdCompress({ params: { [ZSTD_c_compressionLevel]: this.#level } }));
      return 0;
    }
    return output.length - free;
  }

  #oneShot(input: Uint8Array, output: Uint8Array): number {
    const frame = zlib.zstdCompressSync(input, { params: { [ZSTD_c_compressionLevel]: this.#level } });
    if (frame.length > output.length) return 0;
    output.set(frame);
    return frame.length;
  }

  close(): void {
    this.#context?.handle.close();
    this.#context = undefined;
  }
}

export class Decompressor {
  #context: Context | undefined;
  #usable: boolean;

  constructor() {
    this.#context = contextOf(zlib.createZstdDecompress());
    this.#usable = this.#context !== undefined;
  }

  /**
   * Decompresses a frame that must give exactly `length` bytes, into the start of `output`, which must be longer by
   * one byte at least: memory is bounded by what was promised, whatever the frame says. Returns false otherwise.
   */
  decompressInto(frame: Uint8Array, output: Uint8Array, length: number): boolean {
    if (output.length <= length) throw new RangeError('the output must have room for one byte more');
    if (!this.#usable) return this.#oneShot(frame, output, length);
    if (this.#context && this.#try(this.#context, frame, output, length)) return true;
    // A damaged frame leaves the context in the middle of it. A fresh one tells whether this frame is the bad one.
    this.close();
    this.#context = contextOf(zlib.createZstdDecompress());
    if (this.#context && this.#try(this.#context, frame, output, length)) return true;
    this.close();
    return false;
  }

  #try(context: Context, frame: Uint8Array, output: Uint8Array, length: number): boolean {
    context.handle.writeSync(ZSTD_e_continue, frame, 0, frame.length, output, 0, length + 1);
    const [free, left] = context.state as unknown as [number, number];
    return context.error === undefined && left === 0 && free === 1;
  }

  #oneShot(frame: Uint8Array, output: Uint8Array, length: number): boolean {
    try {
      const plain = zlib.zstdDecompressSync(frame, { maxOutputLength: length + 1 });
      if (plain.length !== length) return false;
      output.set(plain);
      return true;
    } catch {
      // Not a frame, or a longer one: the caller says which blob is damaged.
      return false;
    }
  }

  close(): void {
    this.#context?.handle.close();
    this.#context = undefined;
  }
}

/** restic's modes, whose own encoder counts differently: near in ratio and speed. 0 is for "off". */
const LEVELS: Record<Compression, number> = { off: 0, fastest: 1, auto: 3, better: 7, max: 12 };
const LEVEL_AUTO = LEVELS.auto;

/** zstd levels of data and of trees, 0 for not compressed. "off" is for data only; format 1 knows no compression at all. */
export function compressionLevels(mode: Compression, formatVersion: number): { data: number; tree: number } {
  if (formatVersion < 2) return { data: 0, tree: 0 };
  return { data: LEVELS[mode], tree: LEVELS[mode] || LEVEL_AUTO };
}

/** One frame for a file that is written once in a while: index, snapshot, lock. */
export function compressOnce(input: Uint8Array): Buffer {
  return zlib.zstdCompressSync(input, { params: { [ZSTD_c_compressionLevel]: LEVEL_AUTO } });
}

/** Whole content of a frame of unknown length, at most `limit` bytes. Throws what zlib throws. */
export function decompressOnce(frame: Uint8Array, limit: number): Buffer {
  return zlib.zstdDecompressSync(frame, { maxOutputLength: limit });
}
