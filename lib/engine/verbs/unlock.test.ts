import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { MemoryStore } from '#lib/stores/memory.ts';
import { encodeLock, type LockRecord } from '../format/lock.ts';
import { formatDate } from '../format/time.ts';
import { noise } from '../oracle/odd-folder.ts';
import { describeWithRestic, PASSWORD, type Restic } from '../oracle/restic.ts';
import type { Repository } from '../repository/repository.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { listLocks, planUnlock } from './unlock.ts';

const MINUTE = 60_000;
const kdf = { N: 1024, r: 8, p: 1 };
const timing = { recheckMs: 1, unreadablePausesMs: [1] };

/** No process has it: Linux hands out at most 2^22. */
const NO_PROCESS = 2 ** 22 + 7;

describe('the locks of a repository', () => {
  let store: MemoryStore;
  let repo: Repository;
  beforeEach(async () => {
    store = new MemoryStore();
    repo = await initRepository(store, { password: 'x', kdf });
  });

  function put(change: Partial<LockRecord>, age = 0): Promise<string> {
    const time = formatDate(new Date(Date.now() - age));
    const record = { time, exclusive: false, hostname: 'elsewhere', username: 'ann', pid: 77, ...change };
    return repo.saveUnpacked('lock', encodeLock(record));
  }

  test('are told with who holds them, and whether they are stale, and why', async () => {
    const cases: [string, boolean, RegExp][] = [
      [await put({}, 5 * MINUTE), false, /refreshed in the last 30 minutes/],
      [await put({ exclusive: true }, 31 * MINUTE), true, /not refreshed for over 30 minutes/],
      [await put({ username: 'early' }, -20 * MINUTE), false, /in the future/],
      [await put({ hostname: hostname(), pid: process.pid }), false, /is running on this machine/],
      [await put({ hostname: hostname(), pid: 1 }), false, /is running on this machine/],
      [await put({ hostname: hostname(), pid: NO_PROCESS }), true, /no process \d+ on this machine any more/],
      // Ours of another machine start: nobody can tell, so it waits for its time.
      [await put({ hostname: `${hostname()}/holdfast-0123456789ab.1.1`, pid: NO_PROCESS }), false, /last 30 minutes/],
    ];
    const held = await repo.lock('shared', { timing }).catch(() => undefined);
    expect(held).toBeUndefined();
    await store.put(`locks/${'0'.repeat(64)}`, []);
    await store.put(`locks/${'1'.repeat(64)}`, [Buffer.from('rubbish')]);
    await store.put(`locks/${'A'.repeat(64)}`, [Buffer.from('foreign')]);
    const locks = await listLocks(repo);
    expect(locks).toHaveLength(cases.length + 2);
    for (const [id, stale, reason] of cases) {
      const lock = locks.find((candidate) => candidate.id === id);
      expect(lock).toMatchObject({ stale, readable: true, reason: expect.stringMatching(reason) });
    }
    expect(locks.filter(({ readable }) => !readable).map(({ stale }) => stale)).toEqual([false, false]);
    expect(locks[0]).toMatchObject({ exclusive: true, username: 'ann', hostname: 'elsewhere', pid: 77 });
    expect(locks[0]?.age).toBeGreaterThanOrEqual(31 * MINUTE);

    const plan = await planUnlock(repo);
    expect(plan.remove.map(({ id }) => id).sort()).toEqual(cases.flatMap(([id, stale]) => (stale ? [id] : [])).sort());
    expect(await listLocks(repo)).toHaveLength(locks.length);
    expect(await plan.execute()).toBe(2);
    expect((await listLocks(repo)).some(({ stale }) => stale)).toBe(false);

    await (await planUnlock(repo, { removeAll: true })).execute();
    expect(await listLocks(repo)).toEqual([]);
    // What is not ours to judge stays.
    expect((await store.stat(`locks/${'A'.repeat(64)}`)).size).toBe(7);
    await (await repo.lock('exclusive', { timing })).release();
  });

  test('that are refreshed between plan and execution stay', async () => {
    const lock = await repo.lock('shared', { timing: { ...timing, refreshMs: 1, watchMs: 60_000 } });
    const plan = await planUnlock(repo, { now: () => Date.now() + 31 * MINUTE });
    expect(plan.remove).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await lock.confirm();
    await plan.execute();
    expect(await listLocks(repo)).toHaveLength(1);
    await lock.confirm();
    await lock.release();
  });
});

const engine = (name: string) => fileURLToPath(new URL(name, import.meta.url));

let children = 0;

/** A process of ours at work in a repository; says "ready" and does what its script says. */
function child(
  script: string,
  ...args: string[]
): { process: ChildProcess; ready: Promise<unknown>; ended: Promise<number | null> } {
  const head = `import { openRepository } from '${engine('./open.ts')}';
    import { backup } from '${engine('./backup.ts')}';
    import { LocalStore } from '${fileURLToPath(import.meta.resolve('#lib/stores/local.ts'))}';
    import { createCpuPool } from '${engine('../cpu/pool.ts')}';
    const [vault, source] = process.argv.slice(2);
    const cpu = createCpuPool();
    const repo = await openRepository(new LocalStore(vault), { password: ${JSON.stringify(PASSWORD)}, cpu });`;
  // A file: worker threads refuse a parent whose program came with --eval.
  const file = join(tmpdir(), `holdfast-child-${process.pid}-${children++}.mjs`);
  writeFileSync(file, `${head}\n${script}`);
  const started = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.once('exit', () => rmSync(file, { force: true }));
  return {
    process: started,
    ready: Promise.race([
      once(started.stdout as NodeJS.ReadableStream, 'data'),
      once(started, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
    ]),
    ended: new Promise((resolve) => started.once('exit', resolve)),
  };
}

describeWithRestic('locks beside restic', (restic: Restic) => {
  let home: string;
  let vault: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-unlock-'));
    vault = join(home, 'vault');
    restic.init(vault);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test('(fault 33) a process that holds one survives "restic unlock" on the same machine, and keeps it', async () => {
    const holder = child(
      `const lock = await repo.lock('exclusive'); console.log('ready');
      process.on('SIGTERM', async () => { await lock.confirm(); await lock.release(); process.exit(7); });
      setInterval(() => {}, 1000);`,
      vault,
    );
    await holder.ready;
    expect(restic.try(vault, ['unlock']).status).toBe(0);
    expect(holder.process.exitCode ?? holder.process.signalCode).toBeNull();
    expect(readdirSync(join(vault, 'locks'))).toHaveLength(1);
    expect(restic.try(vault, ['prune']).status).not.toBe(0);
    holder.process.kill('SIGTERM');
    expect(await holder.ended).toBe(7);
    expect(readdirSync(join(vault, 'locks'))).toEqual([]);
    restic.run(vault, ['prune']);
  });

  test('(fault 33) a process whose lock "restic unlock --remove-all" takes stops before it says so', async () => {
    const holder = child(
      `const lock = await repo.lock('shared'); console.log('ready');
      process.on('SIGTERM', () => lock.confirm().then(() => process.exit(1), (error) => process.exit(error.code === 'repository-locked' ? 8 : 2)));
      setInterval(() => {}, 1000);`,
      vault,
    );
    await holder.ready;
    restic.run(vault, ['unlock', '--remove-all']);
    holder.process.kill('SIGTERM');
    expect(await holder.ended).toBe(8);
  });

  test('restic leaves behind when it is killed are seen as stale and cleared', async () => {
    const running = spawn(restic.program, ['-r', vault, '--no-cache', 'backup', '--stdin', '--stdin-filename', 'x'], {
      env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    while (readdirSync(join(vault, 'locks')).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const repo = await openRepository(new LocalStore(vault), { password: PASSWORD });
    expect(await listLocks(repo)).toMatchObject([{ pid: running.pid, stale: false, hostname: hostname() }]);
    running.kill('SIGKILL');
    await once(running, 'exit');
    const plan = await planUnlock(repo);
    expect(plan.locks).toMatchObject([{ pid: running.pid, stale: true, exclusive: false }]);
    expect(await plan.execute()).toBe(1);
    await (await repo.lock('exclusive')).release();
    await repo.close();
  });

  test('(fault 34) two of our backups and one of restic write at once, restic may not prune between them, and all is whole', async () => {
    const folders = ['one', 'two', 'three'].map((name, i) => {
      const folder = join(home, name);
      mkdirSync(folder);
      // The same files in all three, so that the writers store the same blobs at the same time, and some of their own.
      for (let f = 0; f < 12; f++) writeFileSync(join(folder, `same ${f}`), noise(3_000_000, 100 + f));
      for (let f = 0; f < 3; f++) writeFileSync(join(folder, `own ${f}`), noise(2_000_000, 1000 * (i + 1) + f));
      return folder;
    });
    // In the middle of its work each of ours waits, without letting go of anything, until restic has tried to prune.
    const script = `import { existsSync } from 'node:fs';
      let told = false;
      const result = await backup(repo, { paths: [source], hostname: 'ours', onProgress: ({ bytesDone }) => {
        if (bytesDone === 0 || told) return;
        told = true;
        console.log('ready');
        while (!existsSync(process.argv[4])) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      } });
      await repo.close(); await cpu.close(); process.exit(result.problemCount);`;
    const go = join(home, 'go');
    const ours = folders.slice(0, 2).map((folder) => child(script, vault, folder, go));
    const theirs = spawn(
      restic.program,
      ['-r', vault, '--no-cache', 'backup', '--host', 'theirs', folders[2] as string],
      {
        env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
        stdio: 'ignore',
      },
    );
    const theirEnd = once(theirs, 'exit');
    await Promise.all(ours.map(({ ready }) => ready));
    const prune = restic.try(vault, ['prune']);
    writeFileSync(go, '');
    expect(prune.status).not.toBe(0);
    expect(`${prune.stderr}${prune.stdout}`).toContain('already locked');
    expect(await Promise.all(ours.map(({ ended }) => ended))).toEqual([0, 0]);
    expect((await theirEnd)[0]).toBe(0);
    expect(restic.run(vault, ['check', '--read-data']).toString()).toContain('no errors were found');
    expect(JSON.parse(restic.run(vault, ['snapshots', '--json']).toString())).toHaveLength(3);
    for (const [i, folder] of folders.entries()) {
      const target = join(home, `restored ${i}`);
      const host = i === 2 ? 'theirs' : 'ours';
      restic.run(vault, ['restore', 'latest', '--host', host, '--path', folder, '--target', target]);
      const { listing } = await import('../oracle/listing.ts');
      expect(listing(join(target, folder))).toEqual(listing(folder));
    }
    // Nobody is at work any more.
    restic.run(vault, ['prune']);
    restic.run(vault, ['check', '--read-data']);
  }, 240_000);
});
