// The real thing: worker processes with a real database, a real queue, real folders and a repository on disk.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { config, forgetConfig, ownProcessEnvironment } from '#lib/config.ts';
import type { Actor } from '#lib/contracts/access.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { checkRepository } from '#lib/engine/verbs/check.ts';
import { listSnapshots } from '#lib/engine/verbs/snapshots.ts';
import { closeCourier } from '#lib/live/instance.ts';
import { closeQueues } from '#lib/queue/instance.ts';
import { forgetMasterKey } from '#lib/secrets/instance.ts';
import { startBackup } from '#lib/services/backups.ts';
import { startCheck } from '#lib/services/checks.ts';
import { listFolder } from '#lib/services/folders.ts';
import { openVault } from '#lib/services/open-vault.ts';
import { createRestorePlan, executeRestore, getRestorePlan } from '#lib/services/restores.ts';
import { cancelRun, getRun, getRunLog } from '#lib/services/runs.ts';
import { createSource } from '#lib/services/sources.ts';
import { createVault } from '#lib/services/vaults.ts';
import { getWorker, listWorkers } from '#lib/services/workers.ts';
import { useTestDatabase } from '../testing/database.ts';
import { testRedisUrl } from '../testing/redis.ts';

const database = useTestDatabase();

const owner: Actor = { userId: 'u', email: 'ada@example.org', role: 'owner' };
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;

let root: string;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-worker-'));
  process.env.HOLDFAST_DATA_DIR = join(root, 'data');
  forgetConfig();
  forgetMasterKey();
});

afterEach(async () => {
  for (const child of processes.splice(0)) await end(child, 'SIGKILL');
});

afterAll(async () => {
  await closeQueues();
  await closeCourier();
  delete process.env.HOLDFAST_DATA_DIR;
  forgetMasterKey();
  await rm(root, { recursive: true, force: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}

interface WorkerProcess {
  child: ChildProcess;
  id: string;
  output(): string;
}

/** Starts a worker process and waits for its line. The data folder is the host: same folder, same worker. */
async function startWorker(env: Record<string, string> = {}): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: ownProcessEnvironment({ DATABASE_URL: database.url, HOLDFAST_LOG_LEVEL: 'info', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  processes.push(child);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`the worker ended:\n${output}`);
    return /^worker ready$/m.test(output);
  }, 20_000);
  const id = (await readFile(join(env.HOLDFAST_DATA_DIR ?? config().dataDir, 'worker-id'), 'utf8')).trim();
  return { child, id, output: () => output };
}

async function until(condition: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(50);
  }
}

async function finished(run: { id: string }, ms = 20_000): Promise<RunView> {
  await until(async () => (await getRun(owner, run.id)).state === 'finished', ms);
  return getRun(owner, run.id);
}

/** A folder with a few files in it, and where asked one that takes a while to back up. */
async function folder(options: { bulk?: number } = {}): Promise<string> {
  const path = join(root, `src-${randomUUID().slice(0, 8)}`);
  await mkdir(join(path, 'deep', 'er'), { recursive: true });
  await writeFile(join(path, 'a.txt'), 'alpha');
  await writeFile(join(path, 'deep', 'er', 'ü "quoted".txt'), 'beta');
  for (let i = 0; i < (options.bulk ?? 0); i++) {
    const bytes = new Uint8Array(4 << 20);
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    await writeFile(join(path, `bulk-${i}`), bytes);
  }
  return path;
}

async function vaultAndSource(workerId: string, path: string) {
  const name = randomUUID().slice(0, 8);
  const vault = await createVault(owner, {
    name: `v-${name}`,
    store: { kind: 'local', path: join(root, `vault-${name}`) },
  });
  const source = await createSource(
    owner,
    { name: `s-${name}`, workerId, config: { kind: 'directory', path, excludes: [] } },
    new Date(),
  );
  return { vault, source };
}

async function expectClean(vaultId: string): Promise<number> {
  const open = await openVault(vaultId);
  try {
    const checked = await checkRepository(open.repository, { readData: true });
    expect(checked.findings.filter((finding) => finding.severity === 'error')).toEqual([]);
    expect(checked.ok).toBe(true);
    return (await listSnapshots(open.repository)).length;
  } finally {
    await open.close();
  }
}

test('from a folder to a recovery point, to a plan, to the same files in another place, and a clean check', async () => {
  const { id: workerId } = await startWorker();
  const path = await folder();
  const { vault, source } = await vaultAndSource(workerId, path);

  const backup = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(backup).toMatchObject({ outcome: 'succeeded', error: null, worker: { id: workerId }, attempt: 1 });
  expect(backup.result).toMatchObject({ kind: 'backup', files: 2, filesNew: 2, problemCount: 0, bytes: 9 });
  expect(backup.progress?.phases.map(({ phase }) => phase)).toContain('recording');
  const recoveryPointId = backup.recoveryPointId as string;

  const target = join(root, 'restored');
  const plan = await createRestorePlan(owner, {
    recoveryPointId,
    target: { kind: 'folder', path: target, workerId },
    include: [],
    overwrite: 'if-changed',
    verify: true,
  });
  await until(async () => (await getRestorePlan(owner, plan.id)).state !== 'planning');
  const ready = await getRestorePlan(owner, plan.id);
  expect(ready).toMatchObject({
    state: 'ready',
    error: null,
    summary: { targetPath: target, overwrite: { count: 0 } },
  });
  expect(ready.summary?.changes.map((change) => change.target)).toContain(join(target, 'a.txt'));

  const starts = await Promise.allSettled([
    executeRestore(owner, { planId: plan.id }),
    executeRestore(owner, { planId: plan.id }),
  ]);
  expect(starts.map((start) => start.status).sort()).toEqual(['fulfilled', 'rejected']);
  const started = starts.find((start) => start.status === 'fulfilled');
  const restore = await finished((started as PromiseFulfilledResult<RunView>).value);
  expect(restore).toMatchObject({
    outcome: 'succeeded',
    result: { kind: 'restore', filesRestored: 2, filesVerified: 2 },
  });
  expect(await readFile(join(target, 'deep', 'er', 'ü "quoted".txt'), 'utf8')).toBe('beta');

  // Over the original: what was changed comes back, what was added stays.
  await writeFile(join(path, 'a.txt'), 'changed since');
  await writeFile(join(path, 'new.txt'), 'new');
  const over = await createRestorePlan(owner, {
    recoveryPointId,
    target: { kind: 'original' },
    include: [],
    overwrite: 'if-changed',
    verify: true,
  });
  await until(async () => (await getRestorePlan(owner, over.id)).state !== 'planning');
  expect((await getRestorePlan(owner, over.id)).summary).toMatchObject({
    overwrite: { count: 1 },
    extra: { count: 1 },
  });
  await finished(await executeRestore(owner, { planId: over.id }));
  expect(await readFile(join(path, 'a.txt'), 'utf8')).toBe('alpha');
  expect(await readFile(join(path, 'new.txt'), 'utf8')).toBe('new');

  const check = await finished(await startCheck(owner, vault.id, { readData: true }));
  expect(check).toMatchObject({ outcome: 'succeeded', result: { kind: 'check', ok: true, snapshots: 1 } });
});

test('a worker killed in the middle of a backup: the run is lost, the repository clean, the next backup goes through', async () => {
  const first = await startWorker();
  const { vault, source } = await vaultAndSource(first.id, await folder({ bulk: 60 }));
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesStored ?? 0) > 16 << 20);
  await end(first.child, 'SIGKILL');
  expect((await getRun(owner, run.id)).state).toBe('running');

  // The host comes back; nobody does anything.
  const second = await startWorker();
  expect(second.id).toBe(first.id);
  const lost = await finished(run, 70_000);
  expect(lost).toMatchObject({ outcome: 'lost', error: { code: 'unavailable' }, result: null });
  expect(lost.error?.message).toContain('stopped answering');
  expect(await expectClean(vault.id)).toBe(0);

  const again = await finished(await startBackup(owner, source.id, { vaultId: vault.id }), 60_000);
  expect(again).toMatchObject({ outcome: 'succeeded' });
  expect(await expectClean(vault.id)).toBe(1);
}, 150_000);

test('cancelling in the middle of a backup leaves no snapshot and no lock', async () => {
  const { id } = await startWorker();
  const { vault, source } = await vaultAndSource(id, await folder({ bulk: 60 }));
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesDone ?? 0) > 8 << 20);
  const asked = performance.now();
  await cancelRun(owner, run.id);
  const ended = await finished(run);
  expect(performance.now() - asked).toBeLessThan(5_000);
  expect(ended).toMatchObject({ outcome: 'cancelled', error: null, result: null, recoveryPointId: null });
  expect(await expectClean(vault.id)).toBe(0);
  const open = await openVault(vault.id);
  const locks: string[] = [];
  for await (const { name } of open.store.list('locks/')) locks.push(name);
  await open.close();
  expect(locks).toEqual([]);
}, 60_000);

test('an orderly stop in the middle of a backup ends it as failed and the worker as stopped', async () => {
  const { child, id, output } = await startWorker();
  const { vault, source } = await vaultAndSource(id, await folder({ bulk: 100 }));
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesDone ?? 0) > 4 << 20);
  expect(await end(child, 'SIGTERM'), output()).toBe(0);
  expect(await getRun(owner, run.id)).toMatchObject({
    state: 'finished',
    outcome: 'failed',
    error: { message: 'The worker was stopped before this run had ended.' },
  });
  expect(await getWorker(owner, id)).toMatchObject({ state: 'stopped', runningRuns: 0 });
  await expect(listFolder(owner, id, { path: '/', hidden: false })).rejects.toMatchObject({ code: 'unavailable' });
  expect(await expectClean(vault.id)).toBe(0);
}, 60_000);

test('a source that is gone fails, with its path in the sentence and nothing recorded', async () => {
  const { id } = await startWorker();
  const path = await folder();
  const { vault, source } = await vaultAndSource(id, path);
  await rename(path, `${path}-elsewhere`);
  const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(run).toMatchObject({ outcome: 'failed', error: { code: 'not-found' }, recoveryPointId: null });
  expect(run.error?.message).toContain(path);
  expect(await expectClean(vault.id)).toBe(0);
});

test('an empty source ends in warning and says what was there before', async () => {
  const { id } = await startWorker();
  const path = await folder();
  const { vault, source } = await vaultAndSource(id, path);
  await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true });
  const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(run.outcome).toBe('warning');
  expect(run.result).toMatchObject({ files: 0, warnings: [expect.stringMatching(/is empty.* had 2 files/)] });
});

test('a vault whose folder is gone fails and names the vault', async () => {
  const { id } = await startWorker();
  const { vault, source } = await vaultAndSource(id, await folder());
  const place = (vault.store as { path: string }).path;
  await rename(place, `${place}-elsewhere`);
  const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(run).toMatchObject({ outcome: 'failed', error: { code: 'not-a-repository' } });
  expect(run.error?.message).toContain(vault.name);
});

describe.skipIf(!isRoot)('as a user who may not read everything', () => {
  /** An account without rights; the number needs no entry in /etc/passwd. */
  const NOBODY = 65_534;

  test('an unreadable file ends the backup in warning that names it, and the rest is there', async () => {
    const path = await folder();
    await writeFile(join(path, 'secret.key'), 'x');
    await chmod(join(path, 'secret.key'), 0o000);
    const { id, child } = await startWorkerAs(NOBODY);
    const { vault, source } = await vaultAndSource(id, path);
    await import('node:child_process').then(({ execFileSync }) =>
      execFileSync('chown', ['-R', String(NOBODY), (vault.store as { path: string }).path]),
    );
    const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
    expect(run.error).toBeNull();
    expect(run).toMatchObject({ outcome: 'warning', result: { kind: 'backup', files: 2, problemCount: 1 } });
    expect(run.result).toMatchObject({ problems: [{ path: join(path, 'secret.key') }] });
    const { items } = await getRunLog(owner, run.id, { limit: 100, level: 'warn' });
    expect(items.some((line) => line.detail?.path === join(path, 'secret.key'))).toBe(true);

    await mkdir(join(path, 'closed'), { mode: 0o700 });
    await expect(listFolder(owner, id, { path: join(path, 'closed'), hidden: false })).rejects.toMatchObject({
      code: 'permission-denied',
      message: expect.stringContaining('closed'),
    });
    await end(child, 'SIGTERM');
  });

  async function startWorkerAs(uid: number): Promise<WorkerProcess> {
    const dataDir = join(root, `data-${uid}`);
    await mkdir(dataDir, { recursive: true });
    await chmod(root, 0o755);
    // The same master key: without it this worker could not open any vault.
    await writeFile(join(dataDir, 'master.key'), await readFile(join(config().dataDir, 'master.key')), { mode: 0o600 });
    const { chown } = await import('node:fs/promises');
    await chown(dataDir, uid, uid);
    await chown(join(dataDir, 'master.key'), uid, uid);
    const child = spawn(process.execPath, [MAIN], {
      env: ownProcessEnvironment({
        DATABASE_URL: database.url,
        HOLDFAST_DATA_DIR: dataDir,
        HOLDFAST_LOG_LEVEL: 'info',
      }),
      stdio: ['ignore', 'pipe', 'pipe'],
      uid,
      gid: uid,
    });
    processes.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    await until(() => {
      if (child.exitCode !== null) throw new Error(`the worker ended:\n${output}`);
      return /^worker ready$/m.test(output);
    }, 20_000);
    return { child, id: (await readFile(join(dataDir, 'worker-id'), 'utf8')).trim(), output: () => output };
  }
});

test('folders are listed by the worker of the host, and what cannot be listed is said', async () => {
  const { id } = await startWorker();
  const path = await folder();
  await mkdir(join(path, '.hidden'));
  const listing = await listFolder(owner, id, { path, hidden: false });
  expect(listing).toMatchObject({ path, parent: root, files: 1, truncated: false, writable: true });
  expect(listing.folders).toEqual([{ name: 'deep', path: join(path, 'deep'), readable: true }]);
  expect((await listFolder(owner, id, { path, hidden: true })).folders.map(({ name }) => name)).toEqual([
    '.hidden',
    'deep',
  ]);
  await expect(listFolder(owner, id, { path: join(path, 'no'), hidden: false })).rejects.toMatchObject({
    code: 'not-found',
  });
  await expect(listFolder(owner, id, { path: join(path, 'a.txt'), hidden: false })).rejects.toMatchObject({
    code: 'invalid-input',
  });
});

test('two workers of two hosts each do the work of their host', async () => {
  const here = await startWorker();
  const there = await startWorker({
    HOLDFAST_DATA_DIR: join(root, 'data-there'),
    HOLDFAST_WORKER_NAME: 'there',
    HOLDFAST_MASTER_KEY: (await readFile(join(config().dataDir, 'master.key'))).toString('base64'),
  }).catch((error) => {
    throw error;
  });
  expect(
    (await listWorkers(owner))
      .filter((worker) => worker.state === 'online')
      .map(({ id }) => id)
      .sort(),
  ).toEqual([here.id, there.id].sort());
  await expect(listFolder(owner, there.id, { path: root, hidden: false })).resolves.toMatchObject({ path: root });
});

test.skipIf(testRedisUrl() === undefined)(
  'all of it with the queue and the news on Redis',
  async () => {
    await closeQueues();
    await closeCourier();
    process.env.REDIS_URL = testRedisUrl();
    forgetConfig();
    try {
      const { id } = await startWorker();
      const { vault, source } = await vaultAndSource(id, await folder({ bulk: 40 }));
      const run = await startBackup(owner, source.id, { vaultId: vault.id });
      await until(async () => ((await getRun(owner, run.id)).progress?.bytesDone ?? 0) > 4 << 20);
      await cancelRun(owner, run.id);
      expect(await finished(run)).toMatchObject({ outcome: 'cancelled' });
      expect(await finished(await startBackup(owner, source.id, { vaultId: vault.id }), 60_000)).toMatchObject({
        outcome: 'succeeded',
      });
    } finally {
      await closeQueues();
      await closeCourier();
      delete process.env.REDIS_URL;
      forgetConfig();
    }
  },
  90_000,
);
