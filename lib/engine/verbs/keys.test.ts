import { hash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError, isAppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import { MemoryStore } from '#lib/stores/memory.ts';
import { encodeKeyFile } from '../format/key.ts';
import { craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import type { Repository } from '../repository/repository.ts';
import { initRepository } from './init.ts';
import { addKey, changePassword, listKeys, planKeyRemoval } from './keys.ts';
import { openRepository } from './open.ts';

const kdf = { N: 1024, r: 8, p: 1 };
const owner = { hostname: 'h', username: 'u', created: '2026-01-01T00:00:00Z' };

async function failure(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

let store: MemoryStore;
let repo: Repository;

beforeEach(async () => {
  store = new MemoryStore();
  repo = await initRepository(store, { password: 'first', kdf });
});

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(folder)) found.push(name);
  return found.sort();
}

async function putKey(file: Buffer): Promise<string> {
  const id = hash('sha256', file, 'hex');
  await store.put(`keys/${id}`, [file]);
  return id;
}

/** A key file of the right form in which one field is changed. */
async function oddKey(change: Record<string, unknown>): Promise<string> {
  const good = JSON.parse((await encodeKeyFile(repo.masterKey, 'odd', kdf, owner)).toString());
  return putKey(Buffer.from(JSON.stringify({ ...good, ...change })));
}

describe('a key', () => {
  test('that is added opens the repository, and is listed with its owner', async () => {
    const added = await addKey(repo, 'second', { kdf, hostname: 'desk', username: 'ann' });
    const again = await openRepository(store, { password: 'second' });
    expect(again.id).toBe(repo.id);
    expect(again.keyId).toBe(added);
    const keys = await listKeys(again);
    expect(keys).toHaveLength(2);
    expect(keys.find(({ current }) => current)).toMatchObject({ id: added, hostname: 'desk', username: 'ann' });
    expect(await names('locks/')).toEqual([]);
  });

  test('in use is not removed, another one is', async () => {
    const added = await addKey(repo, 'second', { kdf });
    expect(await failure(planKeyRemoval(repo, repo.keyId))).toMatchObject({ code: 'conflict' });
    expect(await failure(planKeyRemoval(repo, 'zz'))).toMatchObject({ code: 'invalid-input' });
    expect(await failure(planKeyRemoval(repo, 'f'.repeat(63)))).toMatchObject({ code: 'not-found' });
    const plan = await planKeyRemoval(repo, added.slice(0, 12));
    expect(plan).toMatchObject({ key: { id: added }, remaining: [{ id: repo.keyId }] });
    expect(await names('keys/')).toHaveLength(2);
    await plan.execute();
    expect(await names('keys/')).toEqual([`keys/${repo.keyId}`]);
    expect(await failure(openRepository(store, { password: 'second' }))).toMatchObject({ code: 'wrong-password' });
  });

  test('is not removed by one who was removed meanwhile: two people cannot lock out each other', async () => {
    const added = await addKey(repo, 'second', { kdf });
    const other = await openRepository(store, { password: 'second' });
    const [mine, theirs] = [await planKeyRemoval(repo, added), await planKeyRemoval(other, repo.keyId)];
    await mine.execute();
    expect(await failure(theirs.execute())).toMatchObject({ code: 'conflict' });
    expect(await names('keys/')).toEqual([`keys/${repo.keyId}`]);
    expect(await names('locks/')).toEqual([]);
  });

  test('is exchanged for another: the new one is there and proved before the old one goes', async () => {
    const old = repo.keyId;
    const spy = new FaultyStore(store, []);
    const watched = await openRepository(spy, { password: 'first' });
    const { added, removed } = await changePassword(watched, 'new', { kdf });
    expect(removed).toBe(old);
    const calls = spy.calls.filter((call) => /^(put|get|delete) keys/.test(call)).slice(1);
    expect(calls).toEqual([`put keys/${added}`, `get keys/${added}`, `delete keys/${old}`]);
    expect(await failure(openRepository(store, { password: 'first' }))).toMatchObject({ code: 'wrong-password' });
    expect((await openRepository(store, { password: 'new' })).id).toBe(repo.id);
    // The open repository knows its new key.
    expect(await failure(planKeyRemoval(watched, added))).toMatchObject({ code: 'conflict' });
    await changePassword(watched, 'newer', { kdf });
    expect(await names('keys/')).toHaveLength(1);
  });

  test('that does not come back as it was written is taken away, and the old one stays', async () => {
    const flip = (bytes: Buffer) => {
      bytes[bytes.length - 10] = (bytes[bytes.length - 10] as number) ^ 1;
      return bytes;
    };
    const reads = { method: 'get', name: /^keys/ } as const;
    const faults = [{ ...reads, after: 1, times: 1, error: () => new AppError('unavailable', 'gone away') }];
    for (const bad of [
      new FaultyStore(store, faults),
      new FaultyStore(store, [], [{ name: new RegExp(`^keys/(?!${repo.keyId})`), change: flip }]),
    ]) {
      const open = await openRepository(bad, { password: 'first' });
      const error = await failure(changePassword(open, 'new', { kdf }));
      expect(error.message).toContain('was taken away again');
      expect(await names('keys/')).toEqual([`keys/${repo.keyId}`]);
    }
    expect((await openRepository(store, { password: 'first' })).id).toBe(repo.id);
  });

  test('whose predecessor cannot be deleted works beside it, and the error says so', async () => {
    const error = () => new AppError('permission-denied', 'Deleting is not allowed.');
    const open = await openRepository(new FaultyStore(store, [{ method: 'delete', name: /^keys/, error }]), {
      password: 'first',
    });
    const failed = await failure(changePassword(open, 'new', { kdf }));
    expect(failed).toMatchObject({
      code: 'permission-denied',
      message: expect.stringContaining('The new password works'),
    });
    await openRepository(store, { password: 'first' });
    await openRepository(store, { password: 'new' });
  });

  test('is refused with an empty password, and exchanged only when nobody else is at work', async () => {
    expect(await failure(addKey(repo, ''))).toMatchObject({ code: 'invalid-input' });
    const lock = await repo.lock('shared');
    await addKey(repo, 'second', { kdf });
    expect(await failure(changePassword(repo, 'third', { kdf }))).toMatchObject({ code: 'repository-locked' });
    await lock.release();
    expect(await names('keys/')).toHaveLength(2);
  });
});

describe('opening (fault 19)', () => {
  test('finds the good key among damaged ones, and the list says what is wrong with those', async () => {
    const salt = randomBytes(32).toString('base64');
    const bad = new Map([
      [await putKey(Buffer.from('rubbish')), 'is not JSON'],
      [await putKey(Buffer.from('null')), 'has an unknown key derivation'],
      [await oddKey({ kdf: 'argon2' }), 'has an unknown key derivation'],
      [await oddKey({ salt }), 'has a salt of 32 bytes instead of 64'],
      [await oddKey({ salt: 7 }), 'has no salt or no data'],
      [await oddKey({ N: 2 ** 40 }), 'would exhaust this machine'],
      [await oddKey({ r: 2 ** 30 }), 'would exhaust this machine'],
      [await oddKey({ p: 2 ** 31 }), 'would exhaust this machine'],
      [await oddKey({ N: 1000 }), 'not possible'],
      [await oddKey({ N: -4, r: null }), 'not possible'],
    ]);
    await store.put(`keys/${'9'.repeat(64)}`, [Buffer.from('{}')]);
    await store.put(`keys/${'8'.repeat(64)}`, [Buffer.alloc(100_000)]);
    await store.put(`keys/${'A'.repeat(64)}`, [Buffer.from('foreign')]);
    bad.set('9'.repeat(64), 'does not match its name').set('8'.repeat(64), '100000 bytes, which no key has');
    expect((await openRepository(store, { password: 'first' })).keyId).toBe(repo.keyId);
    const keys = await listKeys(repo);
    expect(keys).toHaveLength(bad.size + 1);
    for (const { id, problem } of keys) {
      if (id === repo.keyId) expect(problem).toBeUndefined();
      else expect(problem).toContain(bad.get(id));
    }
  });

  test('spends neither memory nor time on a key that asks for too much', async () => {
    for (let i = 0; i < 100; i++) await oddKey({ N: 2 ** 30, created: String(i) });
    await store.delete(`keys/${repo.keyId}`);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    const error = await failure(openRepository(store, { password: 'odd' }));
    expect(error).toMatchObject({ code: 'repository-damaged', message: expect.stringContaining('would exhaust') });
    expect(performance.now() - started).toBeLessThan(2000);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  });

  test('does not take an empty master key', async () => {
    const empty = new MemoryStore();
    const file = await encodeKeyFile(Buffer.alloc(64), 'x', kdf, owner);
    await empty.put(`keys/${hash('sha256', file, 'hex')}`, [file]);
    await empty.put('config', [Buffer.alloc(100, 1)]);
    expect(await failure(openRepository(empty, { password: 'x' }))).toMatchObject({ code: 'repository-damaged' });
  });

  test('tries twenty keys and the one that is hinted at, and says so', async () => {
    const others = [];
    for (let i = 0; i < 30; i++) others.push(await addKey(repo, `other ${i}`, { kdf }));
    await store.delete(`keys/${repo.keyId}`);
    const error = await failure(openRepository(store, { password: 'first' }));
    expect(error).toMatchObject({
      code: 'wrong-password',
      message: expect.stringContaining('opens none of the 30 keys'),
    });
    expect(error.hint).toContain('Only 20 keys are tried');
    for (const i of [0, 15, 29]) {
      const keyHint = others[i]?.slice(0, 10).toUpperCase();
      const spy = new FaultyStore(store, []);
      const open = await openRepository(spy, { password: `other ${i}`, keyHint });
      expect(open.keyId).toBe(others[i]);
      expect(spy.calls.filter((call) => call.startsWith('get keys/'))).toHaveLength(1);
    }
    // A hint that fits nothing is no obstacle.
    await (
      await planKeyRemoval(
        await openRepository(store, { password: 'other 0', keyHint: others[0] }),
        others[1] as string,
      )
    ).execute();
    for (const id of others.slice(2)) await store.delete(`keys/${id}`);
    expect((await openRepository(store, { password: 'other 0', keyHint: 'nonsense' })).keyId).toBe(others[0]);
  });
});

describe('making a repository (fault 21)', () => {
  test.each([
    ['the config', /^config$/],
    ['the keys', /^keys/],
    ['snapshots', /^snapshots/],
    ['packs', /^data/],
    ['an index', /^index/],
  ])(
    'where only %s of one is left changes nothing: a rule that deletes old files may have done it',
    async (_, left) => {
      await craftSnapshot(repo, [craftTree([{ name: 'a' }])], ['data']);
      for (const name of await names('')) if (!left.test(name)) await store.delete(name);
      const before = await names('');
      expect(before.length).toBeGreaterThan(0);
      expect(await failure(initRepository(store, { password: 'new', kdf }))).toMatchObject({
        code: 'repository-exists',
      });
      expect(await names('')).toEqual(before);
      const opened = await failure(openRepository(store, { password: 'first' }));
      expect(opened).toMatchObject({
        code: 'not-a-repository',
        message: expect.stringContaining('only half a repository'),
      });
    },
  );
});

describeWithRestic('keys of both programs', (restic) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
    restic.init(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const open = (password: string) => openRepository(new LocalStore(folder), { password });
  const withPassword = (password: string) => ({ env: { RESTIC_PASSWORD: password } });

  test('open the repository in the other one, and are exchanged by either', async () => {
    const ours = await open(PASSWORD);
    const added = await addKey(ours, 'from us', { hostname: 'desk', username: 'ann' });
    const listed = JSON.parse(restic.run(folder, ['key', 'list', '--json'], withPassword('from us')).toString());
    expect(listed).toHaveLength(2);
    expect(listed.find((key: { current: boolean }) => key.current)).toMatchObject({
      userName: 'ann',
      hostName: 'desk',
    });
    expect((await listKeys(ours)).map(({ id }) => id).sort()).toEqual(readdirSync(join(folder, 'keys')).sort());

    // restic exchanges our password for its own, which opens the repository for us.
    const file = join(folder, '..', `${hash('sha256', folder, 'hex')}.password`);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, 'from restic\n');
    restic.run(folder, ['key', 'passwd', '--new-password-file', file], withPassword('from us'));
    rmSync(file);
    expect(await failure(open('from us'))).toMatchObject({ code: 'wrong-password' });
    const theirs = await open('from restic');
    expect(theirs.keyId).not.toBe(added);

    // And we exchange restic's.
    await changePassword(theirs, 'ours again');
    expect(restic.try(folder, ['snapshots'], withPassword('from restic')).status).not.toBe(0);
    restic.run(folder, ['snapshots'], withPassword('ours again'));
    await (await planKeyRemoval(theirs, ours.keyId)).execute();
    expect(restic.try(folder, ['snapshots']).status).not.toBe(0);
    restic.run(folder, ['check'], withPassword('ours again'));
  });
});
