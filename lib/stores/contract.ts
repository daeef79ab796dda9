// What every store must do, as tests. A store's own test file calls storeContract() with a way to make an empty one.

import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAppError } from '#lib/errors.ts';
import type { Store, StoreEntry } from './store.ts';

export interface MadeStore {
  store: Store;
  cleanUp(): Promise<void>;
}

async function entries(store: Store, prefix: string): Promise<StoreEntry[]> {
  const found: StoreEntry[] = [];
  for await (const entry of store.list(prefix)) found.push(entry);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return isAppError(error) ? error.code : `not an AppError: ${error}`;
  }
  return 'no error';
}

function objectName(bytes: Uint8Array): string {
  const id = createHash('sha256').update(bytes).digest('hex');
  return `data/${id.slice(0, 2)}/${id}`;
}

export function storeContract(label: string, make: () => Promise<MadeStore>): void {
  describe(`store contract: ${label}`, () => {
    let made: MadeStore;
    let store: Store;
    beforeEach(async () => {
      made = await make();
      store = made.store;
      await store.prepare();
    });
    afterEach(async () => {
      await store.close();
      await made.cleanUp();
    });

    test('an empty place lists nothing, and preparing it again changes nothing', async () => {
      await store.put('config', [Buffer.from('kept')]);
      await store.prepare();
      expect(await entries(store, '')).toEqual([{ name: 'config', size: 4 }]);
      expect(await entries(store, 'locks/')).toEqual([]);
      expect(await entries(store, 'nowhere/')).toEqual([]);
    });

    test('parts are stored in order as one object and come back whole', async () => {
      const parts = [Buffer.from('one'), new Uint8Array(0), Buffer.alloc(300_000, 7), Buffer.from('end')];
      const whole = Buffer.concat(parts);
      await store.put(objectName(whole), parts);
      expect((await store.get(objectName(whole))).equals(whole)).toBe(true);
      expect(await store.stat(objectName(whole))).toEqual({ name: objectName(whole), size: whole.length });
    });

    test('an empty object is one', async () => {
      await store.put('locks/empty', []);
      expect((await store.get('locks/empty')).length).toBe(0);
      expect(await entries(store, 'locks/')).toEqual([{ name: 'locks/empty', size: 0 }]);
    });

    test('an object of 20 MiB survives', async () => {
      const bytes = randomBytes(20 << 20);
      await store.put(objectName(bytes), [bytes.subarray(0, 17 << 20), bytes.subarray(17 << 20)]);
      expect((await store.get(objectName(bytes))).equals(bytes)).toBe(true);
    });

    test('a range is exactly what was asked for; one beyond the end is damage, never a short answer', async () => {
      const bytes = randomBytes(1000);
      await store.put('config', [bytes]);
      expect((await store.get('config', { offset: 0, length: 1 })).equals(bytes.subarray(0, 1))).toBe(true);
      expect((await store.get('config', { offset: 900, length: 100 })).equals(bytes.subarray(900))).toBe(true);
      expect((await store.get('config', { offset: 1000, length: 0 })).length).toBe(0);
      expect(await codeOf(store.get('config', { offset: 900, length: 101 }))).toBe('repository-damaged');
      expect(await codeOf(store.get('config', { offset: 5000, length: 1 }))).toBe('repository-damaged');
    });

    test('what is not there is "not-found", and deleting it succeeds', async () => {
      expect(await codeOf(store.get('snapshots/none'))).toBe('not-found');
      expect(await codeOf(store.get('data/ff/none', { offset: 3, length: 4 }))).toBe('not-found');
      expect(await codeOf(store.stat('index/none'))).toBe('not-found');
      expect(await codeOf(store.delete('locks/none'))).toBe('no error');
    });

    test('the same bytes may be put again under their name', async () => {
      const bytes = Buffer.from('again');
      await store.put('keys/a', [bytes]);
      await store.put('keys/a', [bytes]);
      expect((await store.get('keys/a')).equals(bytes)).toBe(true);
      expect(await entries(store, 'keys/')).toHaveLength(1);
    });

    test('deleted is gone', async () => {
      await store.put('locks/one', [Buffer.from('x')]);
      await store.delete('locks/one');
      expect(await entries(store, 'locks/')).toEqual([]);
      expect(await codeOf(store.get('locks/one'))).toBe('not-found');
    });

    test('a listing has every object below the prefix once, with its size', async () => {
      const names = ['data/00/a', 'data/00/b', 'data/ff/c', 'index/d', 'config'];
      await Promise.all(names.map((name, i) => store.put(name, [Buffer.alloc(i + 1)])));
      expect(await entries(store, 'data/')).toEqual([
        { name: 'data/00/a', size: 1 },
        { name: 'data/00/b', size: 2 },
        { name: 'data/ff/c', size: 3 },
      ]);
      expect(await entries(store, '')).toHaveLength(5);
    });

    test('a thousand objects list completely', async () => {
      for (let i = 0; i < 1100; i += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, j) => store.put(`index/${i + j}`, [Buffer.from('i')])));
      }
      expect(new Set((await entries(store, 'index/')).map(({ name }) => name)).size).toBe(1100);
    });

    test('names that could leave the place are refused', async () => {
      for (const name of ['../x', 'a/../../x', '/etc/passwd', 'a//b', '', 'a/', 'a\0b', 'a b', '.', 'a/.', 'ü']) {
        expect(await codeOf(store.put(name, [Buffer.from('x')]))).toBe('internal');
        expect(await codeOf(store.get(name))).toBe('internal');
        expect(await codeOf(store.delete(name))).toBe('internal');
      }
      expect(await codeOf(entries(store, '../'))).toBe('internal');
      expect(await codeOf(entries(store, 'data'))).toBe('internal');
    });

    test('a call whose signal has fired does nothing', async () => {
      const signal = AbortSignal.abort();
      expect(await codeOf(store.put('config', [Buffer.from('x')], { signal }))).toBe('cancelled');
      expect(await entries(store, '')).toEqual([]);
      await store.put('config', [Buffer.from('x')]);
      expect(await codeOf(store.get('config', undefined, { signal }))).toBe('cancelled');
      expect(await codeOf(store.delete('config', { signal }))).toBe('cancelled');
      expect(await entries(store, '')).toHaveLength(1);
    });

    test('writers of different objects do not disturb each other', async () => {
      const bytes = Array.from({ length: 20 }, () => randomBytes(100_000));
      await Promise.all(bytes.map((object) => store.put(objectName(object), [object])));
      for (const object of bytes) expect((await store.get(objectName(object))).equals(object)).toBe(true);
    });
  });
}
