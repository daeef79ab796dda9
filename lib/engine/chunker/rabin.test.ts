import { beforeAll, describe, expect, test } from 'vitest';
import { buildChunker } from './build.mjs';
import { isIrreducible, modulo, parsePolynomial, polynomialText, randomPolynomial } from './polynomial.ts';
import { Chunker, MAX_CHUNK, MIN_CHUNK, rabinTables } from './rabin.ts';

/** The polynomial of restic/chunker's own tests. */
const RESTIC_TEST_POLYNOMIAL = 0x3da3358b4dc173n;
const MASK = 0xfffffn;
const DEGREE = 53n;

beforeAll(() => {
  buildChunker();
});

/** Deterministic bytes (xorshift32). */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let x = seed | 1;
  for (let i = 0; i < length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x >>> 8;
  }
  return bytes;
}

/** restic's loop, byte by byte and without tables: slow and plain. Bit arithmetic in halves, since BigInt takes minutes. */
function referenceCuts(data: Buffer, polynomial: bigint): number[] {
  const { out, mod } = rabinTables(polynomial);
  const split = (table: BigUint64Array) => ({
    high: Uint32Array.from(table, (value) => Number(value >> 32n)),
    low: Uint32Array.from(table, (value) => Number(value & 0xffff_ffffn)),
  });
  const outHalves = split(out);
  const modHalves = split(mod);
  const cuts: number[] = [];
  let start = 0;
  while (start < data.length) {
    const window = new Uint8Array(64);
    let position = 0;
    let high = 0;
    let low = 0;
    const slide = (byte: number) => {
      const oldest = window[position] as number;
      window[position] = byte;
      position = (position + 1) % 64;
      high ^= outHalves.high[oldest] as number;
      low ^= outHalves.low[oldest] as number;
      const top = (high >>> 13) & 0xff;
      high = ((high << 8) | (low >>> 24)) ^ (modHalves.high[top] as number);
      low = ((low << 8) | byte) ^ (modHalves.low[top] as number);
    };
    slide(1);
    let at = Math.min(start + MIN_CHUNK - 64, data.length);
    let count = at - start;
    for (; at < data.length; at++) {
      slide(data[at] as number);
      count += 1;
      if ((count >= MIN_CHUNK && (low & Number(MASK)) === 0) || count >= MAX_CHUNK) {
        at += 1;
        break;
      }
    }
    cuts.push(at);
    start = at;
  }
  return cuts;
}

/** Cuts as the backup makes them: data arrives in steps, the search goes on where it stopped. */
function chunkerCuts(data: Buffer, polynomial: bigint, step: number): number[] {
  const chunker = new Chunker(polynomial, Math.max(MAX_CHUNK, data.length));
  data.copy(chunker.buffer);
  const cuts: number[] = [];
  let start = 0;
  let searched = 0;
  for (let end = Math.min(step, data.length); ; ) {
    const cut = chunker.cut(start, end, searched);
    if (cut !== undefined) {
      cuts.push(cut);
      start = cut;
      searched = cut;
    } else if (end === data.length) {
      if (start < end) cuts.push(end);
      return cuts;
    } else {
      searched = end + 1;
      end = Math.min(end + step, data.length);
    }
  }
}

describe('polynomials', () => {
  test('the table polynomial of restic is irreducible, a multiple of x + 1 is not', () => {
    expect(isIrreducible(RESTIC_TEST_POLYNOMIAL)).toBe(true);
    expect(isIrreducible(RESTIC_TEST_POLYNOMIAL ^ 2n)).toBe(false);
    // x^2 + x + 1 and x^3 + x + 1 are, x^2 + 1 = (x + 1)^2 is not.
    expect([0b111n, 0b1011n, 0b101n].map(isIrreducible)).toEqual([true, true, false]);
  });

  test('a random polynomial is irreducible, of degree 53, and survives its text form', () => {
    const polynomial = randomPolynomial();
    expect(isIrreducible(polynomial)).toBe(true);
    expect(polynomial >> 53n).toBe(1n);
    expect(polynomial & 1n).toBe(1n);
    expect(parsePolynomial(polynomialText(polynomial))).toBe(polynomial);
  });

  test('text that is no polynomial of degree 53 is refused', () => {
    for (const text of ['', '0x3da3358b4dc173', '3DA3358B4DC173', '1', 'zz', '13da3358b4dc173']) {
      expect(parsePolynomial(text)).toBeUndefined();
    }
  });
});

describe('tables', () => {
  test('hold what their definition says', () => {
    const { out, mod } = rabinTables(RESTIC_TEST_POLYNOMIAL);
    expect(out[0]).toBe(0n);
    expect(mod[0]).toBe(0n);
    expect(out[1]).toBe(modulo(1n << (8n * 63n), RESTIC_TEST_POLYNOMIAL));
    expect(mod[1]).toBe((RESTIC_TEST_POLYNOMIAL ^ (1n << DEGREE)) | (1n << DEGREE));
    for (let t = 0; t < 256; t++) expect((mod[t] as bigint) >> DEGREE).toBe(BigInt(t));
  });
});

describe('cut points', () => {
  const edges = [0, 1, 63, 64, 65, MIN_CHUNK - 1, MIN_CHUNK, MIN_CHUNK + 1, MAX_CHUNK - 1, MAX_CHUNK, MAX_CHUNK + 1];

  test.each(edges)('of %i bytes of noise are those of the plain loop', (length) => {
    const data = noise(length, 99);
    const expected = referenceCuts(data, RESTIC_TEST_POLYNOMIAL);
    expect(chunkerCuts(data, RESTIC_TEST_POLYNOMIAL, 1 << 20)).toEqual(expected);
  });

  test.each([[1 << 20], [100_003], [32 << 20]])(
    'of 24 MiB of noise do not depend on reading %i bytes at a time',
    (step) => {
      const data = noise(24 << 20, 7);
      const expected = referenceCuts(data, RESTIC_TEST_POLYNOMIAL);
      expect(expected.length).toBeGreaterThan(5);
      expect(chunkerCuts(data, RESTIC_TEST_POLYNOMIAL, step)).toEqual(expected);
    },
  );

  test('of other polynomials too', () => {
    const data = noise(12 << 20, 5);
    for (let i = 0; i < 3; i++) {
      const polynomial = randomPolynomial();
      expect(chunkerCuts(data, polynomial, 1 << 20)).toEqual(referenceCuts(data, polynomial));
    }
  });

  test('of zeros are at every 512 KiB', () => {
    const data = Buffer.alloc(3 * MIN_CHUNK + 5);
    const expected = [MIN_CHUNK, 2 * MIN_CHUNK, 3 * MIN_CHUNK, data.length];
    expect(chunkerCuts(data, RESTIC_TEST_POLYNOMIAL, 1 << 20)).toEqual(expected);
    expect(referenceCuts(data, RESTIC_TEST_POLYNOMIAL)).toEqual(expected);
  });

  test('of periodic data, where a byte in one lane can match everywhere or nowhere', () => {
    for (const period of [1, 3, 64, 4096, 8192]) {
      const pattern = noise(period, period);
      const data = Buffer.alloc(9 << 20, pattern);
      data.writeUInt32LE(0xdead_beef, (2 << 20) + 17);
      expect(chunkerCuts(data, RESTIC_TEST_POLYNOMIAL, 1 << 20)).toEqual(referenceCuts(data, RESTIC_TEST_POLYNOMIAL));
    }
  });
});
