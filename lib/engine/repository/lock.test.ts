import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError, isAppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { MemoryStore } from '#lib/stores/memory.ts';
import { decodeLock, encodeLock, type LockRecord } from '../format/lock.ts';
import { formatDate } from '../format/time.ts';
import { initRepository } from '../verbs/init.ts';
import { openRepository } from '../verbs/open.ts';
import { readLocks, removeDeadLocks } from './lock.ts';
import { lockAge } from './lock-holder.ts';
import type { Repository } from './repository.ts';

const MINUTE = 60_000;
const kdf = { N: 1024, r: 8, p: 1 };
const timing = { recheckMs: 1, unreadablePausesMs: [1, 1, 1] };
let store: MemoryStore;
let repo: Repository;

beforeEach(async () => {
  store = new MemoryStore();
  repo = await initRepository(store, { password: 'x', kdf });
});

async function lockNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list('locks/')) names.push(name);
  return names;
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

function foreign(change: Partial<LockRecord> = {}): Promise<string> {
  const record = {
    time: formatDate(new Date()),
    exclusive: false,
    hostname: 'elsewhere',
    username: 'ann',
    pid: 77,
    ...change,
  };
  return repo.saveUnpacked('lock', encodeLock(record));
}

describe('locks', () => {
  test('shared ones live together, an exclusive one lives alone', async () => {
    const one = await repo.lock('shared', { timing });
    const two = await repo.lock('shared', { timing });
    expect((await failure(repo.lock('exclusive', { timing }))).code).toBe('repository-locked');
    expect(await lockNames()).toHaveLength(2);
    await one.release();
    await two.release();
    const alone = await repo.lock('exclusive', { timing });
    expect((await failure(repo.lock('shared', { timing }))).code).toBe('repository-locked');
    await alone.release();
    await alone.release();
    expect(await lockNames()).toEqual([]);
    expect(alone.valid).toBe(false);
  });

  test('carry a host name that no other program takes for its own', async () => {
    const lock = await repo.lock('shared', { timing });
    for await (const { id } of repo.listFiles('lock')) {
      const record = decodeLock(id, await repo.loadUnpacked('lock', id));
      expect(record.hostname).not.toBe(hostname());
      expect(record.hostname.startsWith(`${hostname()}/holdfast-`)).toBe(true);
      expect(record.pid).toBe(process.pid);
    }
    await lock.release();
  });

  test('of others are named in the refusal, and stay even when they are old', async () => {
    await foreign({ exclusive: true, time: '2020-01-01T00:00:00Z' });
    const error = await failure(repo.lock('shared', { timing }));
    expect(error.message).toContain('ann on elsewhere (process 77)');
    expect(error.hint).toContain('repo unlock');
    expect(error.retryable).toBe(false);
    expect(await lockNames()).toHaveLength(1);
  });

  test('that are empty are ignored, that cannot be read block', async () => {
    await store.put(`locks/${'0'.repeat(64)}`, []);
    await (await repo.lock('exclusive', { timing })).release();
    await store.put(`locks/${'1'.repeat(64)}`, [Buffer.from('rubbish')]);
    const error = await failure(repo.lock('shared', { timing }));
    expect(error.code).toBe('repository-locked');
    expect(error.message).toContain('11111111');
  });

  test('of a dead process of this machine are removed, of a living one are not', async () => {
    const script = `import { openRepository } from '${import.meta.resolve('../verbs/open.ts')}';
      import { LocalStore } from '${import.meta.resolve('#lib/stores/local.ts')}';
      const repo = await openRepository(new LocalStore(process.argv[1]), { password: 'x' });
      await repo.lock('exclusive'); console.log('locked'); setInterval(() => {}, 1000);`;
    const { mkdtempSync, rmSync } = await import('node:fs');
    const { LocalStore } = await import('#lib/stores/local.ts');
    const folder = mkdtempSync('/tmp/holdfast-lock-');
    try {
      const local = new LocalStore(folder);
      const here = await initRepository(local, { password: 'x', kdf });
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      expect((await failure(here.lock('shared', { timing }))).code).toBe('repository-locked');
      // restic's test whether a holder lives: it must survive it.
      child.kill('SIGHUP');
      await sleep(100);
      expect(child.exitCode ?? child.signalCode).toBeNull();
      child.kill('SIGKILL');
      await once(child, 'exit');
      await (await here.lock('exclusive', { timing })).release();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('are taken back when somebody else comes between', async () => {
    const racing = repo.lock('exclusive', { timing: { ...timing, recheckMs: 100 } });
    await sleep(20);
    await foreign();
    expect((await failure(racing)).code).toBe('repository-locked');
    expect(await lockNames()).toHaveLength(1);
  });

  test('can be waited for', async () => {
    const first = await repo.lock('exclusive', { timing });
    const second = repo.lock('shared', { timing, waitMs: 5000 });
    await sleep(50);
    await first.release();
    await (await second).release();
  });

  test('are given up when the wait is cancelled', async () => {
    const first = await repo.lock('exclusive', { timing });
    const abort = new AbortController();
    const second = repo.lock('shared', { timing, waitMs: 60_000, signal: abort.signal });
    setTimeout(() => abort.abort(), 30);
    expect((await failure(second)).code).toBe('cancelled');
    await first.release();
    expect(await lockNames()).toEqual([]);
  });

  test('are refreshed under a new name, the old one removed', async () => {
    const lock = await repo.lock('shared', { timing: { ...timing, refreshMs: 30 } });
    const before = await lockNames();
    await sleep(150);
    const after = await lockNames();
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
    expect(lock.valid).toBe(true);
    await lock.release();
    expect(await lockNames()).toEqual([]);
  });

  test('that cannot be refreshed in time abort what is done under them', async () => {
    const error = () => new AppError('unavailable', 'no network');
    // The first put is the lock itself.
    const faulty = new FaultyStore(store, [{ method: 'put', name: /^locks/, after: 1, error }]);
    const offline = await openRepository(faulty, { password: 'x' });
    const lock = await offline.lock('shared', { timing: { ...timing, refreshMs: 20, lostMs: 80 } });
    await once(lock.signal, 'abort');
    expect(lock.valid).toBe(false);
    expect((lock.signal.reason as AppError).code).toBe('repository-locked');
    await lock.release();
  });

  test('(fault 32) that somebody removed during a suspend are lost, those still there are refreshed', async () => {
    let now = Date.now();
    const asleep = { ...timing, watchMs: 20, now: () => now };
    const kept = await repo.lock('shared', { timing: asleep });
    const before = await lockNames();
    now += 40 * MINUTE;
    expect(kept.valid).toBe(false);
    await vi.waitFor(() => expect(kept.valid).toBe(true));
    expect(await lockNames()).not.toEqual(before);
    for (const name of await lockNames()) await store.delete(name);
    now += 40 * MINUTE;
    await once(kept.signal, 'abort');
    expect(kept.valid).toBe(false);
    expect((kept.signal.reason as AppError).message).toContain('somebody removed it');
    expect(await lockNames()).toEqual([]);
    await kept.release();
  });

  test('(fault 32) are confirmed after a suspend before the next write, not given up', async () => {
    let now = Date.now();
    const lock = await repo.lock('shared', { timing: { ...timing, now: () => now } });
    await lock.confirm();
    now += 40 * MINUTE;
    expect(lock.valid).toBe(false);
    await lock.confirm();
    expect(lock.valid).toBe(true);
    for await (const { lock: stored } of readLocks(repo)) expect(lockAge(stored as LockRecord, now)).toBeLessThan(1000);
    await lock.release();
    await expect(lock.confirm()).rejects.toThrow('after its release');
  });

  test('(fault 32) that a late refresh finds removed while it writes are lost, and the new one is taken back', async () => {
    let now = Date.now();
    const faulty = new FaultyStore(store, []);
    const other = await openRepository(faulty, { password: 'x' });
    const lock = await other.lock('shared', { timing: { ...timing, recheckMs: 100, now: () => now } });
    const [old] = await lockNames();
    now += 40 * MINUTE;
    const confirmed = lock.confirm();
    await vi.waitFor(async () => expect(await lockNames()).toHaveLength(2));
    await store.delete(old as string);
    await expect(confirmed).rejects.toThrow('somebody removed it');
    expect(await lockNames()).toEqual([]);
    await lock.release();
  });

  test.each([
    ['ahead', 60],
    ['back', -60],
  ] as const)('(fault 32) survive a clock that is set %s by an hour', async (_, minutes) => {
    let now = Date.now();
    const lock = await repo.lock('shared', { timing: { ...timing, watchMs: 20, now: () => now } });
    const before = await lockNames();
    now += minutes * MINUTE;
    await vi.waitFor(async () => {
      const after = await lockNames();
      expect(after).toHaveLength(1);
      expect(after).not.toEqual(before);
    });
    // Its time is that of the clock as it is now, so that it goes stale for nobody.
    for await (const { lock: stored } of readLocks(repo)) expect(lockAge(stored as LockRecord, now)).toBeLessThan(1000);
    expect(lock.valid).toBe(true);
    expect(lock.signal.aborted).toBe(false);
    await lock.release();
  });

  test('(fault 32) are refreshed in time although the clock stands still', async () => {
    const stopped = Date.now();
    const lock = await repo.lock('shared', { timing: { ...timing, refreshMs: 30, now: () => stopped } });
    const before = await lockNames();
    await vi.waitFor(async () => expect(await lockNames()).not.toEqual(before));
    await lock.release();
  });

  test('(fault 32) that others delete abort the work at the next look, long before a refresh is due', async () => {
    const lock = await repo.lock('shared', { timing: { ...timing, watchMs: 20 } });
    for (const name of await lockNames()) await store.delete(name);
    await expect(lock.confirm()).rejects.toThrow('somebody removed it');
    expect(lock.signal.aborted).toBe(true);
    expect(lock.valid).toBe(false);
    expect((lock.signal.reason as AppError).retryable).toBe(true);
    await lock.release();

    const watched = await repo.lock('shared', { timing: { ...timing, watchMs: 20 } });
    for (const name of await lockNames()) await store.delete(name);
    await once(watched.signal, 'abort');
    await watched.release();
  });

  test('(fault 32) get one forced refresh before they are given up', async () => {
    let now = Date.now();
    const error = () => new AppError('unavailable', 'no network');
    const faulty = new FaultyStore(store, [{ method: 'put', name: /^locks/, after: 1, error }]);
    const failing = await (await openRepository(faulty, { password: 'x' })).lock('shared', {
      timing: { ...timing, now: () => now },
    });
    now += 23 * MINUTE;
    await expect(failing.confirm()).rejects.toThrow('could not be refreshed in time');
    await failing.release();

    // Refreshes fail while there is time, and the one that counts succeeds.
    const flaky = new FaultyStore(store, [
      { method: 'put', name: /^locks/, after: 1, times: 3, error },
      { method: 'stat', name: /^locks/, times: 2, error },
    ]);
    const lock = await (await openRepository(flaky, { password: 'x' })).lock('shared', {
      timing: { ...timing, now: () => now },
    });
    for (let i = 0; i < 5; i++) {
      now += 4.4 * MINUTE;
      await lock.confirm();
    }
    now += 23 * MINUTE;
    await lock.confirm();
    expect(lock.valid).toBe(true);
    await lock.release();
  });

  test('(fault 31) foreign files beside them count for nothing, and nobody touches them', async () => {
    const strangers = [
      `locks/${'A'.repeat(64)}`,
      `locks/${'b'.repeat(64)}-tmp-12`,
      'locks/README',
      `locks/sub/${'c'.repeat(64)}`,
    ];
    for (const name of strangers) await store.put(name, [Buffer.from('no lock')]);
    await store.put(`locks/${'0'.repeat(64)}`, []);
    const lock = await repo.lock('exclusive', { timing });
    await lock.release();
    expect(await removeDeadLocks(repo)).toBe(0);
    expect((await lockNames()).toSorted()).toEqual([...strangers, `locks/${'0'.repeat(64)}`].toSorted());
  });

  test('(fault 33) keep SIGHUP from ending the process only while one is held', async () => {
    const before = process.listenerCount('SIGHUP');
    const one = await repo.lock('shared', { timing });
    const two = await repo.lock('shared', { timing });
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    await failure(repo.lock('exclusive', { timing }));
    await one.release();
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    await two.release();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});
