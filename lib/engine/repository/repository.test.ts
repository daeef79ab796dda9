import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AppError, isAppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { MemoryStore } from '#lib/stores/memory.ts';
import { Envelope } from '../crypto/envelope.ts';
import { encodeConfig } from '../format/config.ts';
import { decodeIndexFile, encodeIndexFile } from '../format/index-file.ts';
import { decodeHeader, encodeHeader, type PackEntry, readPackHeader } from '../format/pack.ts';
import type { IndexId, PackId } from '../types.ts';
import { initRepository } from '../verbs/init.ts';
import { openRepository } from '../verbs/open.ts';
import { BlobIndex, idWords, SharedIndexReader } from './blob-index.ts';

const PASSWORD = 'secret';
/** Cheap, so that tests are quick; real repositories use the default. */
const kdf = { N: 1024, r: 8, p: 1 };

function id(seed: number | string): string {
  return createHash('sha256').update(String(seed)).digest('hex');
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('opening', () => {
  test('an initialised repository opens with its password and no other', async () => {
    const store = new MemoryStore();
    const made = await initRepository(store, { password: PASSWORD, kdf });
    const opened = await openRepository(store, { password: PASSWORD });
    expect(opened.id).toBe(made.id);
    expect(opened.version).toBe(2);
    expect(opened.chunkerPolynomial).toBe(made.chunkerPolynomial);
    expect((await failure(openRepository(store, { password: 'Secret' }))).code).toBe('wrong-password');
    expect((await failure(initRepository(store, { password: PASSWORD, kdf }))).code).toBe('repository-exists');
  });

  test('nothing there, half a repository and an empty password are told apart', async () => {
    const store = new MemoryStore();
    expect((await failure(openRepository(store, { password: PASSWORD }))).message).toContain('There is no repository');
    expect((await failure(initRepository(store, { password: '' }))).code).toBe('invalid-input');
    await initRepository(store, { password: PASSWORD, kdf });
    await store.delete('config');
    await store.put(`snapshots/${id(1)}`, [Buffer.from('x')]);
    const half = await failure(openRepository(store, { password: PASSWORD }));
    expect(half.code).toBe('not-a-repository');
    expect(half.message).toContain('1 key, 1 snapshot');
    expect(half.message).toContain('"config" is missing');
    expect((await failure(initRepository(store, { password: PASSWORD, kdf }))).code).toBe('repository-exists');
  });

  test('a config that was tampered with, of another version or with a bad polynomial is refused', async () => {
    const store = new MemoryStore();
    const repo = await initRepository(store, { password: PASSWORD, kdf });
    const put = (plain: Uint8Array) => store.put('config', [new Envelope(repo.masterKey).seal(plain)]);
    const code = async () => (await failure(openRepository(store, { password: PASSWORD }))).code;
    const good = { id: repo.id, chunkerPolynomial: repo.chunkerPolynomial };
    await put(encodeConfig({ ...good, version: 3 }));
    expect(await code()).toBe('unsupported');
    // x times something of degree 52: reducible.
    await put(encodeConfig({ ...good, version: 2, chunkerPolynomial: 1n << 53n }));
    expect(await code()).toBe('repository-damaged');
    await put(Buffer.from('not json'));
    expect(await code()).toBe('repository-damaged');
    await store.put('config', [randomBytes(100)]);
    expect(await code()).toBe('repository-damaged');
    await put(encodeConfig({ ...good, version: 1 }));
    expect((await openRepository(store, { password: PASSWORD })).version).toBe(1);
  });

  test('a key file that is garbage or asks for all memory is an error, not a wrong password', async () => {
    const store = new MemoryStore();
    await initRepository(store, { password: PASSWORD, kdf });
    for await (const { name } of store.list('keys/')) await store.delete(name);
    const key = { kdf: 'scrypt', N: 2 ** 30, r: 8, p: 1, salt: randomBytes(64).toString('base64'), data: '' };
    for (const [text, words] of [
      ['garbage', 'is not JSON'],
      [JSON.stringify(key), 'exhaust this machine'],
      [JSON.stringify({ ...key, N: 1024, salt: 'AAAA' }), 'salt of 3 bytes'],
      [JSON.stringify({ ...key, kdf: 'md5' }), 'unknown key derivation'],
    ] as const) {
      const name = `keys/${createHash('sha256').update(text).digest('hex')}`;
      await store.put(name, [Buffer.from(text)]);
      const error = await failure(openRepository(store, { password: PASSWORD }));
      expect(error.code).toBe('repository-damaged');
      expect(error.message).toContain(words);
      await store.delete(name);
    }
  });

  test('the error of the store is what the caller gets', async () => {
    const error = () => new AppError('unavailable', { message: 'no network', retryable: true });
    const store = new FaultyStore(new MemoryStore(), [{ method: 'list', error }]);
    expect((await failure(openRepository(store, { password: PASSWORD }))).message).toBe('no network');
  });
});

describe('unpacked files', () => {
  test('come back, compressed and sealed, under the hash of what is stored', async () => {
    const store = new MemoryStore();
    const repo = await initRepository(store, { password: PASSWORD, kdf });
    const json = Buffer.from(JSON.stringify({ text: 'repeat '.repeat(1000) }));
    const saved = await repo.saveUnpacked('snapshot', json);
    const stored = await store.get(`snapshots/${saved}`);
    expect(createHash('sha256').update(stored).digest('hex')).toBe(saved);
    expect(stored.length).toBeLessThan(300);
    expect((await repo.loadUnpacked('snapshot', saved)).equals(json)).toBe(true);
  });

  test('one wrong read is forgiven, lasting damage is named', async () => {
    const inner = new MemoryStore();
    const made = await initRepository(inner, { password: PASSWORD, kdf });
    const saved = await made.saveUnpacked('snapshot', Buffer.from('{}'));
    const flip = (bytes: Buffer) => {
      bytes[20] = (bytes[20] as number) ^ 1;
      return bytes;
    };
    const once = new FaultyStore(inner, [], [{ name: /^snapshots/, change: flip, times: 1 }]);
    const repo = await openRepository(once, { password: PASSWORD });
    expect((await repo.loadUnpacked('snapshot', saved)).toString()).toBe('{}');
    const always = await openRepository(new FaultyStore(inner, [], [{ name: /^snapshots/, change: flip }]), {
      password: PASSWORD,
    });
    const error = await failure(always.loadUnpacked('snapshot', saved));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain(saved);
  });

  test('foreign files are not listed', async () => {
    const store = new MemoryStore();
    const repo = await initRepository(store, { password: PASSWORD, kdf });
    await store.put(`snapshots/${id(1).toUpperCase()}`, [Buffer.from('x')]);
    await store.put('snapshots/README', [Buffer.from('x')]);
    await store.put(`data/00/ff${id(1).slice(2)}`, [Buffer.from('x')]);
    for (const kind of ['snapshot', 'pack'] as const) {
      for await (const file of repo.listFiles(kind)) expect.unreachable(file.id);
    }
  });
});

describe('pack headers', () => {
  const entries: PackEntry[] = [
    { type: 'data', id: id(1), offset: 0, length: 100 },
    { type: 'tree', id: id(2), offset: 100, length: 200, uncompressedLength: 1000 },
    { type: 'data', id: id(3), offset: 300, length: 32 },
  ];

  test('round-trip with their offsets', () => {
    expect(decodeHeader(encodeHeader(entries))).toEqual(entries);
  });

  test('a blob of no bytes is never marked compressed', () => {
    expect(() => encodeHeader([{ type: 'data', id: id(1), length: 41, uncompressedLength: 0 }])).toThrow();
  });

  test('unknown types, cut entries and impossible lengths are refused', () => {
    const header = encodeHeader(entries);
    expect(() => decodeHeader(Buffer.from(header).fill(4, 0, 1))).toThrow(/unknown type 4/);
    expect(() => decodeHeader(header.subarray(0, -1))).toThrow(/middle of an entry/);
    expect(() => decodeHeader(Buffer.from(header).fill(0, 1, 5))).toThrow(/too short/);
  });

  test('a pack whose length field lies, or with bytes between blobs and header, is refused', () => {
    const envelope = new Envelope(randomBytes(64));
    const blob = envelope.seal(Buffer.from('content'));
    const header = envelope.seal(encodeHeader([{ type: 'data', id: id(1), length: blob.length }]));
    const lengthField = (length: number) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(length);
      return bytes;
    };
    const good = Buffer.concat([blob, header, lengthField(header.length)]);
    expect(readPackHeader(good, envelope)).toHaveLength(1);
    const gap = Buffer.concat([blob, Buffer.alloc(10), header, lengthField(header.length)]);
    expect(() => readPackHeader(gap, envelope)).toThrow(/blobs of 39 bytes where its header starts at 49/);
    for (const length of [0, 31, header.length - 1, header.length + 1, good.length, 0xffff_ffff]) {
      const pack = Buffer.concat([blob, header, lengthField(length)]);
      expect(() => readPackHeader(pack, envelope)).toThrow(/header/);
    }
    for (let size = 0; size < 73; size++) {
      expect(() => readPackHeader(good.subarray(0, size), envelope)).toThrow(/has only/);
    }
  });
});

describe('index files', () => {
  const packs = [
    {
      id: id('pack') as PackId,
      blobs: [
        { type: 'data', id: id(1), offset: 0, length: 50 },
        { type: 'tree', id: id(2), offset: 50, length: 60, uncompressedLength: 99 },
      ] as PackEntry[],
    },
  ];

  test('round-trip, unknown fields and nulls included', () => {
    const read = decodeIndexFile('x' as IndexId, encodeIndexFile(packs));
    expect(read).toMatchObject(packs);
    const foreign = { supersedes: [id(9)], packs_to_delete: [], packs: [{ id: id(3), time: 'x', blobs: null }] };
    expect(decodeIndexFile('x' as IndexId, Buffer.from(JSON.stringify(foreign)))[0]?.blobs).toEqual([]);
    expect(decodeIndexFile('x' as IndexId, Buffer.from('{"packs":null}'))).toEqual([]);
  });

  test('malformed ones are refused', () => {
    const blob = { id: id(1), type: 'data', offset: 0, length: 1 };
    for (const change of [{ id: 'short' }, { type: 'file' }, { offset: -1 }, { length: 1.5 }, { length: 2 ** 32 }]) {
      const file = { packs: [{ id: id(3), blobs: [{ ...blob, ...change }] }] };
      expect(() => decodeIndexFile('x' as IndexId, Buffer.from(JSON.stringify(file)))).toThrow(/index file/);
    }
    for (const text of ['', '[', '{"packs":5}', '{"packs":[{"id":"x"}]}', 'null']) {
      if (text === 'null') expect(decodeIndexFile('x' as IndexId, Buffer.from(text))).toEqual([]);
      else expect(() => decodeIndexFile('x' as IndexId, Buffer.from(text))).toThrow(/index file/);
    }
  });
});

describe('blob index', () => {
  test('finds every blob after growing many times, and keeps data and trees of one id apart', () => {
    const index = new BlobIndex();
    const count = 20_000;
    for (let pack = 0; pack < 20; pack++) {
      const blobs = Array.from({ length: count / 20 }, (_, i) => ({
        type: 'data' as const,
        id: id(pack * (count / 20) + i),
        offset: i * 100,
        length: 100,
        uncompressedLength: i === 0 ? undefined : 500,
      }));
      index.addPack(id(`pack ${pack}`) as PackId, blobs);
    }
    expect(index.size).toBe(count);
    const reader = new SharedIndexReader(index.snapshot());
    for (let i = 0; i < count; i++) {
      const place = index.lookup('data', id(i));
      expect(place?.offset).toBe((i % 1000) * 100);
      if (i % 1000 === 0) expect(place?.uncompressedLength).toBeUndefined();
      if (!reader.has('data', idWords(id(i))) || reader.has('tree', idWords(id(i)))) expect.unreachable(`blob ${i}`);
    }
    expect(index.lookup('tree', id(5))).toBeUndefined();
    expect(index.lookup('data', id(count))).toBeUndefined();
  });

  test('merges exact duplicates, keeps other copies, and gives packs by ascending offset', () => {
    const index = new BlobIndex();
    const one = id('a') as PackId;
    const two = id('b') as PackId;
    const blobs: PackEntry[] = [
      { type: 'tree', id: id(2), offset: 40, length: 60, uncompressedLength: 7 },
      { type: 'data', id: id(1), offset: 0, length: 40 },
    ];
    index.addPack(one, blobs);
    index.addPack(one, blobs);
    index.addPack(two, [{ type: 'data', id: id(1), offset: 0, length: 40 }]);
    expect(index.size).toBe(3);
    expect(index.lookupAll('data', id(1)).map(({ pack }) => pack)).toEqual([one, two]);
    expect([...index.packs()]).toEqual([
      { id: one, blobs: [blobs[1], blobs[0]] },
      { id: two, blobs: [{ type: 'data', id: id(1), offset: 0, length: 40 }] },
    ]);
  });
});
