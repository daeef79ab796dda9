// Content-defined chunking with the same cut points as restic's for the same polynomial, so that either tool finds the
// other's blobs. A chunk ends after the first byte, at 512 KiB or more, where the fingerprint of the last 64 bytes has
// twenty low zero bits; at 8 MiB at the latest (restic/chunker; the window is far behind the minimum, so that the byte
// 0x01 with which restic starts a window never counts).

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { degree, modulo, POLYNOMIAL_DEGREE } from './polynomial.ts';

export const MIN_CHUNK = 512 << 10;
export const MAX_CHUNK = 8 << 20;
const WINDOW = 64;
const PAGE = 64 << 10;
const OUT_TABLE = 0;
const MOD_TABLE = 2048;
const DATA = PAGE;

export interface RabinTables {
  /** F(b followed by 63 zero bytes): takes the oldest byte out of a fingerprint. */
  out: BigUint64Array;
  /** (t·x^53 mod P) | t << 53: reduces after the shift by a byte and clears the bits above 53 at once. */
  mod: BigUint64Array;
}

export function rabinTables(polynomial: bigint): RabinTables {
  const d = BigInt(degree(polynomial));
  return {
    out: linearTable((byte) => modulo(byte << BigInt(8 * (WINDOW - 1)), polynomial)),
    mod: linearTable((byte) => modulo(byte << d, polynomial) | (byte << d)),
  };
}

/** Both functions are linear over GF(2): a byte's value is the sum of its bits' values. Eight divisions, not 256. */
function linearTable(ofBit: (byte: bigint) => bigint): BigUint64Array {
  const table = new BigUint64Array(256);
  for (let byte = 1; byte < 256; byte++) {
    const others = byte & (byte - 1);
    table[byte] = others === 0 ? ofBit(BigInt(byte)) : (table[others] as bigint) ^ (table[byte ^ others] as bigint);
  }
  return table;
}

interface Exports {
  memory: WebAssembly.Memory;
  findCut(from: number, to: number): number;
}

/** Compiled once per thread. Built by build.mjs in the generate step. */
let compiled: WebAssembly.Module | undefined;

function compile(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(fileURLToPath(new URL('./rabin.wasm', import.meta.url))));
  return compiled;
}

/**
 * Finds cut points in a buffer of its own. `buffer` lies in the memory of the WASM module: files are read straight into
 * it, and hashed, compressed and sealed from it, without a copy.
 */
export class Chunker {
  readonly buffer: Buffer;
  readonly #findCut: Exports['findCut'];

  /** `capacity` in bytes, at least MAX_CHUNK. */
  constructor(polynomial: bigint, capacity: number) {
    if (degree(polynomial) !== POLYNOMIAL_DEGREE) throw new RangeError('a chunker polynomial has degree 53');
    if (capacity < MAX_CHUNK) throw new RangeError('the buffer must hold the longest chunk');
    const exports = new WebAssembly.Instance(compile(), {}).exports as unknown as Exports;
    const missing = DATA + capacity - exports.memory.buffer.byteLength;
    if (missing > 0) exports.memory.grow(Math.ceil(missing / PAGE));
    const tables = rabinTables(polynomial);
    new BigUint64Array(exports.memory.buffer, OUT_TABLE, 256).set(tables.out);
    new BigUint64Array(exports.memory.buffer, MOD_TABLE, 256).set(tables.mod);
    this.buffer = Buffer.from(exports.memory.buffer, DATA, capacity);
    this.#findCut = exports.findCut;
  }

  /**
   * End of the chunk that starts at `start`, searching candidates from `from` on (as returned before; `start` at first);
   * undefined when the bytes up to `end` hold no cut and more are needed. At the end of a file the rest is the last chunk.
   */
  cut(start: number, end: number, from: number = start): number | undefined {
    const first = Math.max(start + MIN_CHUNK, from);
    const last = Math.min(start + MAX_CHUNK, end);
    if (first <= last) {
      const found = this.#findCut(DATA + first, DATA + last);
      if (found !== 0) return found - DATA;
    }
    return last === start + MAX_CHUNK ? last : undefined;
  }
}
