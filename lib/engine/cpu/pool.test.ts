import { spawnSync } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { isAppError } from '#lib/errors.ts';
import { Envelope } from '../crypto/envelope.ts';
import { Compressor, Decompressor } from '../crypto/zstd.ts';
import { PackEntries, type PackEntry } from '../format/pack.ts';
import { PackWriter, type SealedPack } from '../repository/pack-writer.ts';
import { createCpuPool } from './pool.ts';

const key = randomBytes(64);
const envelope = new Envelope(key);
const pool = createCpuPool({ threads: 2 });
afterAll(() => pool.close());

const blobs = [
  Buffer.from('text '.repeat(5000)),
  randomBytes(100_000),
  Buffer.from('x'),
  Buffer.alloc(3 << 20),
  Buffer.alloc(0),
];

function makePack(plains: readonly Buffer[]): { bytes: Buffer; pack: SealedPack } {
  const packs: SealedPack[] = [];
  const writer = new PackWriter(
    'data',
    {
      envelope,
      compressor: new Compressor(3),
      decompressor: new Decompressor(),
      scratch: { compressed: Buffer.alloc(0), opened: Buffer.alloc(0) },
    },
    (pack) => packs.push(pack),
  );
  for (const plain of plains) writer.add(hash('sha256', plain, 'hex'), plain);
  writer.flush();
  const pack = packs[0] as SealedPack;
  return { bytes: Buffer.concat([Buffer.from(pack.body, 0, pack.bodyLength), pack.header]), pack };
}

function entriesOf(pack: SealedPack): PackEntry[] {
  return [...new PackEntries(pack.entries, pack.count)];
}

describe('a pack', () => {
  test('is read whole in a thread: name, header and every blob are right', async () => {
    const { bytes, pack } = makePack(blobs);
    expect(hash('sha256', bytes, 'hex')).toBe(pack.id);
    const verdict = await pool.readPack(key, bytes.subarray(0));
    expect(verdict).toEqual({ id: pack.id, entries: entriesOf(pack), headerProblem: undefined, damaged: [] });
    expect(entriesOf(pack).map(({ uncompressedLength }) => uncompressedLength)).toEqual([
      25_000,
      undefined,
      undefined,
      3 << 20,
      undefined,
    ]);
  });

  test('with any damaged byte is found out, and the blob is named', async () => {
    const { bytes, pack } = makePack(blobs);
    for (const [i, blob] of entriesOf(pack).entries()) {
      const copy = Buffer.from(bytes);
      copy[blob.offset + 17] = (copy[blob.offset + 17] as number) ^ 4;
      const verdict = await pool.readPack(key, copy);
      expect(verdict.id).not.toBe(pack.id);
      expect(verdict.damaged).toEqual([{ entry: entriesOf(pack)[i], damage: 'mac' }]);
    }
    const copy = Buffer.from(bytes);
    copy[copy.length - 10] = (copy[copy.length - 10] as number) ^ 4;
    expect((await pool.readPack(key, copy)).headerProblem).toContain('damaged header');
    expect((await pool.readPack(key, bytes.subarray(0, 50))).headerProblem).toContain('has only 50 bytes');
  });

  test('taken over unfinished by another writer keeps every blob', async () => {
    const packs: SealedPack[] = [];
    const tools = {
      envelope,
      compressor: new Compressor(3),
      decompressor: new Decompressor(),
      scratch: { compressed: Buffer.alloc(0), opened: Buffer.alloc(0) },
    };
    const one = new PackWriter('data', tools, (pack) => packs.push(pack));
    const two = new PackWriter('data', tools, (pack) => packs.push(pack));
    const plains = Array.from({ length: 20 }, (_, i) => randomBytes(1000 + i));
    for (const [i, plain] of plains.entries()) (i % 2 ? one : two).add(hash('sha256', plain, 'hex'), plain);
    const partial = two.takePartial();
    expect(partial?.count).toBe(10);
    if (partial) one.adopt(partial);
    two.flush();
    one.flush();
    expect(packs).toHaveLength(1);
    const pack = packs[0] as SealedPack;
    const bytes = Buffer.concat([Buffer.from(pack.body, 0, pack.bodyLength), pack.header]);
    const verdict = await pool.readPack(key, bytes);
    expect(verdict.damaged).toEqual([]);
    expect(verdict.id).toBe(pack.id);
    expect(new Set(verdict.entries?.map(({ id }) => id))).toEqual(
      new Set(plains.map((plain) => hash('sha256', plain, 'hex'))),
    );
  });
});

describe('blobs', () => {
  test('are opened in order, each with its own verdict', async () => {
    const { bytes, pack } = makePack(blobs);
    const sealed = entriesOf(pack).map(({ offset, length }) => bytes.subarray(offset, offset + length));
    const opened = await pool.openBlobs(key, sealed, entriesOf(pack));
    opened.forEach((plain, i) => {
      expect(Buffer.isBuffer(plain) && plain.equals(blobs[i] as Buffer)).toBe(true);
    });
    // The caller's bytes are still there.
    expect(hash('sha256', bytes, 'hex')).toBe(pack.id);
    const wrong = entriesOf(pack).map((blob) => ({ ...blob, id: hash('sha256', blob.id, 'hex') }));
    expect(await pool.openBlobs(key, sealed, wrong)).toEqual(['hash', 'hash', 'hash', 'hash', 'hash']);
    const longer = [{ ...entriesOf(pack)[0], uncompressedLength: 25_001 } as PackEntry];
    expect(await pool.openBlobs(key, sealed.slice(0, 1), longer)).toEqual(['compression']);
    expect(await pool.openBlobs(randomBytes(64), sealed.slice(0, 1), entriesOf(pack).slice(0, 1))).toEqual(['mac']);
    expect(await pool.openBlobs(key, [Buffer.alloc(31)], entriesOf(pack).slice(0, 1))).toEqual(['length']);
  });

  test('many requests at once all get their own answer', async () => {
    const plains = Array.from({ length: 50 }, (_, i) => Buffer.from(`blob ${i}`));
    const answers = await Promise.all(
      plains.map((plain) => {
        const id = hash('sha256', plain, 'hex');
        return pool.openBlobs(key, [envelope.seal(plain)], [{ type: 'data', id }]);
      }),
    );
    expect(answers.map(([answer]) => answer?.toString())).toEqual(plains.map(String));
  });
});

test('a thread that ends fails what waits for it, and the pool goes on', async () => {
  const other = createCpuPool({ threads: 1, entry: new URL('./no-such-file.ts', import.meta.url).pathname });
  await expect(other.openBlobs(key, [Buffer.alloc(40)], [{ type: 'data', id: '0'.repeat(64) }])).rejects.toSatisfy(
    (error) => isAppError(error, 'internal'),
  );
  await other.close();
});

test('a pool that is closed, or a program that ends, while its threads still load does not fall over them', async () => {
  const program = `
    import { CpuPool } from ${JSON.stringify(fileURLToPath(new URL('./pool.ts', import.meta.url)))};
    const key = Buffer.alloc(64, 1);
    const ask = (pool) => pool.openBlobs(key, [Buffer.alloc(40)], [{ type: 'data', id: '' }]).catch(() => {});
    for (let i = 0; i < 25; i++) {
      const pool = new CpuPool({ threads: 1 });
      void ask(pool);
      await new Promise((resolve) => setTimeout(resolve, i * 8));
      await pool.close();
    }
    void ask(new CpuPool({ threads: 1 }));
  `;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(done.stderr).not.toContain('FATAL');
  expect(done.status).toBe(0);
}, 60_000);
