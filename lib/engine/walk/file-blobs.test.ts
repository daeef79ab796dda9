import { hash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildChunker } from '../chunker/build.mjs';
import { FileReader, type Helpers } from './file-blobs.ts';

const POLYNOMIAL = 0x3da3358b4dc173n;
const MIB = 1 << 20;

let home: string;
let large: string;

function reader(): FileReader {
  return new FileReader(
    POLYNOMIAL,
    (plain) => hash('sha256', plain, 'hex'),
    () => {},
  );
}

beforeAll(() => {
  buildChunker();
  home = mkdtempSync(join(tmpdir(), 'holdfast-file-'));
  large = join(home, 'large');
  const noise = randomBytes(50 * MIB);
  // Zeros and repeated noise: cuts at the shortest distance, and blobs that come again.
  writeFileSync(large, Buffer.concat([noise, Buffer.alloc(30 * MIB), noise, randomBytes(30 * MIB)]));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('a large file', () => {
  test('is cut into the same blobs whether other threads store pieces of it or not', () => {
    const alone = reader().read(large, () => {});
    const other = reader();
    const pieces: { bytes: number; ids: string[]; blobs: string[]; from: number }[] = [];
    let asked = 0;
    const helpers: Helpers = {
      // Sometimes one is free, sometimes not.
      wanted: () => asked++ % 7 === 0,
      give: ({ offset, lengths }, blobs, from) => {
        const bytes = lengths.reduce((sum, length) => sum + length, 0);
        pieces.push({ bytes, ids: other.readPiece(large, offset, lengths), blobs, from });
      },
    };
    const shared = reader().read(large, () => {}, helpers);
    expect(pieces.length).toBeGreaterThan(1);
    // Gaps stay until the pieces come.
    expect(shared.blobs.filter((id) => id === '').length).toBe(pieces.flatMap(({ ids }) => ids).length);
    for (const { bytes, ids, blobs, from } of pieces) {
      expect(bytes).toBeGreaterThanOrEqual(32 * MIB);
      blobs.splice(from, ids.length, ...ids);
    }
    expect(shared.size).toBe(alone.size);
    expect(shared.blobs).toEqual(alone.blobs);
  });

  test('gives nothing away when it is small', () => {
    const small = join(home, 'small');
    writeFileSync(small, randomBytes(20 * MIB));
    const give = () => {
      throw new Error('a piece of a small file');
    };
    reader().read(small, () => {}, { wanted: () => true, give });
  });

  test('that became shorter, or went away, has no piece: its own thread reads it again', () => {
    const shrinking = join(home, 'shrinking');
    writeFileSync(shrinking, randomBytes(3 * MIB));
    expect(reader().readPiece(shrinking, MIB, [MIB, MIB])).toHaveLength(2);
    truncateSync(shrinking, 2 * MIB + 5);
    expect(reader().readPiece(shrinking, MIB, [MIB, MIB])).toEqual([]);
    expect(reader().readPiece(join(home, 'gone'), 0, [1])).toEqual([]);
  });
});
