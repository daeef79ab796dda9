import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAppError } from '#lib/errors.ts';
import { storeContract } from './contract.ts';
import { LocalStore } from './local.ts';

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'holdfast-store-'));
}

storeContract('local folder', async () => {
  const folder = temporaryFolder();
  return {
    store: new LocalStore(join(folder, 'repo')),
    cleanUp: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('local store', () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('objects are read-only and private, and no temporary file stays', async () => {
    const store = new LocalStore(folder);
    await store.prepare();
    await store.put('keys/a', [Buffer.from('x')]);
    expect(statSync(join(folder, 'keys/a')).mode & 0o777).toBe(0o400);
    expect(statSync(join(folder, 'data/ff')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'keys'))).toEqual(['a']);
  });

  test('a config that the group may read makes new objects readable by it', async () => {
    const store = new LocalStore(folder);
    await store.prepare();
    await store.put('config', [Buffer.from('x')]);
    chmodSync(join(folder, 'config'), 0o440);
    const again = new LocalStore(folder);
    await again.put('index/i', [Buffer.from('x')]);
    expect(statSync(join(folder, 'index/i')).mode & 0o777).toBe(0o440);
  });

  test('a folder that is not the one it was is an error, and nothing is written into it', async () => {
    const path = join(folder, 'mount');
    const store = new LocalStore(path);
    await store.prepare();
    await store.put('config', [Buffer.from('x')]);
    const listed = async () => {
      const names: string[] = [];
      for await (const { name } of store.list('data/')) names.push(name);
      return names;
    };
    const attempts = [
      () => store.put('data/aa/aa', [Buffer.from('x')]),
      () => listed(),
      () => store.get('config'),
      () => store.stat('config'),
    ];
    renameSync(path, `${path}-away`);
    for (const attempt of attempts) expect(await failure(attempt())).toMatchObject({ code: 'unavailable' });
    mkdirSync(path);
    for (const attempt of attempts) {
      const failed = await failure(attempt());
      expect(failed).toMatchObject({ code: 'unavailable', message: expect.stringContaining('no longer mounted') });
    }
    expect(readdirSync(path)).toEqual([]);
    rmSync(path, { recursive: true });
    renameSync(`${path}-away`, path);
    expect((await store.get('config')).toString()).toBe('x');
    expect(await listed()).toEqual([]);
  });

  test('a missing data folder is made, a missing store is not', async () => {
    const store = new LocalStore(join(folder, 'repo'));
    await store.prepare();
    rmSync(join(folder, 'repo/data/ab'), { recursive: true });
    await store.put('data/ab/abc', [Buffer.from('x')]);
    rmSync(join(folder, 'repo'), { recursive: true });
    expect(await failure(store.put('data/ab/abd', [Buffer.from('x')]))).toMatchObject({ code: 'unavailable' });
    const error = await failure(new LocalStore(join(folder, 'repo')).put('data/ab/abd', [Buffer.from('x')]));
    expect(error.code).toBe('not-found');
    expect(error.message).toContain(join(folder, 'repo'));
    expect(existsSync(join(folder, 'repo'))).toBe(false);
  });

  test('leftovers of a crash are not listed', async () => {
    const store = new LocalStore(folder);
    await store.prepare();
    writeFileSync(join(folder, 'index', 'abc-tmp-0123'), 'half');
    const names: string[] = [];
    for await (const { name } of store.list('index/')) names.push(name);
    expect(names).toEqual([]);
  });

  test('a folder in the place of an object is not an object', async () => {
    const store = new LocalStore(folder);
    await store.prepare();
    mkdirSync(join(folder, 'index', 'a'));
    expect((await failure(store.stat('index/a'))).code).toBe('not-found');
  });

  // /dev/full fails writes only through a device; a real full file system is a tiny tmpfs, which root can mount.
  test.runIf(process.getuid?.() === 0)('a full disk is said to be one, and leaves nothing behind', async () => {
    const small = join(folder, 'small');
    mkdirSync(small);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,nr_inodes=2000', 'holdfast-test', small], {
        stdio: 'ignore',
      });
    } catch {
      // A container without the right to mount: nothing to test here.
      return;
    }
    try {
      const store = new LocalStore(small);
      await store.prepare();
      const error = await failure(store.put('data/00/big', [Buffer.alloc(4 << 20, 1)]));
      expect(error.code).toBe('no-space');
      expect(error.message).toContain('disk is full');
      expect(readdirSync(join(small, 'data/00'))).toEqual([]);
      await store.put('data/00/little', [Buffer.alloc(1000, 1)]);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
