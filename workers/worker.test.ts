// The real thing: worker processes with a real database, a real queue, real folders and a repository on disk.

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { forgetConfig } from '#lib/config.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { closeCourier } from '#lib/live/instance.ts';
import { closeQueues } from '#lib/queue/instance.ts';
import { startBackup } from '#lib/services/backups.ts';
import { startCheck } from '#lib/services/checks.ts';
import { listFolder } from '#lib/services/folders.ts';
import { openVault } from '#lib/services/open-vault.ts';
import { getRecoveryPoint } from '#lib/services/recovery-points.ts';
import { createRestorePlan, executeRestore, getRestorePlan } from '#lib/services/restores.ts';
import { cancelRun, getRun, getRunLog } from '#lib/services/runs.ts';
import { getSource } from '#lib/services/sources.ts';
import { getWorker, listWorkers } from '#lib/services/workers.ts';
import { testRedisUrl } from '../testing/redis.ts';
import { ENDLESS, endProcess, finished, owner, until, useWorkers } from '../testing/worker-process.ts';

// Starting processes and moving data on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

const workers = useWorkers();

test('from a folder to a recovery point, to a plan, to the same files in another place, and a clean check', async () => {
  const { id: workerId } = await workers.start();
  const path = await workers.folder();
  const { vault, vaultPath, source } = await workers.vaultAndSource(workerId, path);

  const backup = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(backup).toMatchObject({ outcome: 'succeeded', error: null, worker: { id: workerId }, attempt: 1 });
  expect(backup.result).toMatchObject({ kind: 'backup', files: 2, filesNew: 2, problemCount: 0, bytes: 9 });
  expect(backup.progress?.phases.map(({ phase }) => phase)).toContain('recording');
  const recoveryPointId = backup.recoveryPointId as string;

  const target = workers.path('restored');
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

  // What another program deletes leaves a repository without damage and a recovery point that cannot be restored.
  const snapshots = join(vaultPath, 'snapshots');
  const [deleted] = await readdir(snapshots);
  await rm(join(snapshots, deleted as string));
  const second = await finished(await startCheck(owner, vault.id, { readData: false }));
  expect(second.result).toMatchObject({ kind: 'check', ok: false, snapshots: 0 });
  expect(second.result).toHaveProperty('findings.0.kind', 'missing-snapshot');
  // Told once: the recovery point keeps the mark, and the vault is sound.
  const third = await finished(await startCheck(owner, vault.id, { readData: false }));
  expect(third).toMatchObject({ outcome: 'succeeded', result: { ok: true, findings: [] } });
  expect(await getRecoveryPoint(owner, recoveryPointId)).toMatchObject({ missingSince: expect.any(String) });
  expect(await getSource(owner, source.id, new Date())).toMatchObject({ state: 'missing', lastPoint: null });
});

test('a worker killed in the middle of a backup: after its restart the run is lost, the repository clean, the next backup goes through', async () => {
  const first = await workers.start();
  const path = await workers.folder({ bulk: 15, endless: true });
  const { vault, source } = await workers.vaultAndSource(first.id, path);
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesStored ?? 0) > 16 << 20);
  await endProcess(first.child, 'SIGKILL');
  expect((await getRun(owner, run.id)).state).toBe('running');

  // The host comes back; nobody does anything.
  const second = await workers.start();
  expect(second.id).toBe(first.id);
  const lost = await finished(run, 30_000);
  expect(lost).toMatchObject({ outcome: 'lost', error: { code: 'unavailable' }, result: null });
  expect(lost.error?.message).toContain('stopped answering');
  expect(await workers.expectClean(vault.id)).toBe(0);

  await rm(join(path, ENDLESS));
  const again = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(again).toMatchObject({ outcome: 'succeeded' });
  expect(await workers.expectClean(vault.id)).toBe(1);
});

test('cancelling in the middle of a backup leaves no snapshot and no lock', async () => {
  const { id } = await workers.start();
  const { vault, source } = await workers.vaultAndSource(id, await workers.folder({ endless: true }));
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesDone ?? 0) > 8 << 20);
  const asked = performance.now();
  await cancelRun(owner, run.id);
  const ended = await finished(run);
  expect(performance.now() - asked).toBeLessThan(10_000);
  expect(ended).toMatchObject({ outcome: 'cancelled', error: null, result: null, recoveryPointId: null });
  expect(await workers.expectClean(vault.id)).toBe(0);
  const open = await openVault(vault.id);
  const locks: string[] = [];
  for await (const { name } of open.store.list('locks/')) locks.push(name);
  await open.close();
  expect(locks).toEqual([]);
});

test('an orderly stop in the middle of a backup ends it as failed and the worker as stopped', async () => {
  const { child, id, output } = await workers.start();
  const { vault, source } = await workers.vaultAndSource(id, await workers.folder({ endless: true }));
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesDone ?? 0) > 4 << 20);
  expect(await endProcess(child, 'SIGTERM'), output()).toBe(0);
  expect(await getRun(owner, run.id)).toMatchObject({
    state: 'finished',
    outcome: 'failed',
    error: { message: 'The worker was stopped before this run had ended.' },
  });
  expect(await getWorker(owner, id)).toMatchObject({ state: 'stopped', runningRuns: 0 });
  await expect(listFolder(owner, id, { path: '/', hidden: false })).rejects.toMatchObject({ code: 'unavailable' });
  expect(await workers.expectClean(vault.id)).toBe(0);
});

test('a database that drops every connection in the middle of a backup costs neither the run nor the worker', async () => {
  const { id, output } = await workers.start();
  const { vault, source } = await workers.vaultAndSource(id, await workers.folder({ bulk: 60 }));
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesDone ?? 0) > 4 << 20);
  for (let i = 0; i < 3; i++) {
    await workers.dropConnections();
    await sleep(400);
  }
  // The connections of this process were dropped, too: a question may fail before the pool has new ones.
  await until(
    () =>
      getRun(owner, run.id).then(
        ({ state }) => state === 'finished',
        () => false,
      ),
    40_000,
  );
  expect(await getRun(owner, run.id), output()).toMatchObject({ outcome: 'succeeded', attempt: 1 });
  await until(() =>
    listFolder(owner, id, { path: '/', hidden: false }).then(
      () => true,
      () => false,
    ),
  );
  expect(await finished(await startBackup(owner, source.id, { vaultId: vault.id }))).toMatchObject({
    outcome: 'succeeded',
  });
  // News and cancel notices flow again as well.
  const long = await startCheck(owner, vault.id, { readData: true });
  await until(async () => (await getRun(owner, long.id)).state !== 'queued');
  await cancelRun(owner, long.id);
  expect((await finished(long)).outcome).toMatch(/cancelled|succeeded/);
});

test('a source that is gone fails, with its path in the sentence and nothing recorded', async () => {
  const { id } = await workers.start();
  const path = await workers.folder();
  const { vault, source } = await workers.vaultAndSource(id, path);
  await rename(path, `${path}-elsewhere`);
  const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(run).toMatchObject({ outcome: 'failed', error: { code: 'not-found' }, recoveryPointId: null });
  expect(run.error?.message).toContain(path);
  expect(await workers.expectClean(vault.id)).toBe(0);
});

test('a source that vanishes in the middle fails, although everything read before is kept', async () => {
  const { id } = await workers.start();
  const path = await workers.folder({ bulk: 60 });
  const { vault, vaultPath, source } = await workers.vaultAndSource(id, path);
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  // Not by the row, which is written once a second: a fast machine is done by then. Packs have names of 64 characters.
  const stored = () => readdir(join(vaultPath, 'data'), { recursive: true });
  await until(async () => (await stored()).some((name) => name.length > 64));
  await rename(path, `${path}-elsewhere`);
  const ended = await finished(run);
  expect(ended).toMatchObject({ outcome: 'failed', error: { code: 'unavailable' } });
  expect(ended.error?.message).toMatch(/vanished while it was read/);
  await workers.expectClean(vault.id);
});

test('the data folder, with the master key in it, is no source and no place to restore to', async () => {
  const { id: workerId } = await workers.start();
  const inside = await workers.vaultAndSource(workerId, workers.path('data'));
  const refused = await finished(await startBackup(owner, inside.source.id, { vaultId: inside.vault.id }));
  expect(refused).toMatchObject({ outcome: 'failed', error: { code: 'conflict' } });
  expect(refused.error?.message).toContain(workers.path('data'));

  const { vault, source } = await workers.vaultAndSource(workerId, await workers.folder());
  const backup = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  const plan = await createRestorePlan(owner, {
    recoveryPointId: backup.recoveryPointId as string,
    target: { kind: 'folder', path: workers.path('data/new'), workerId },
    include: [],
    overwrite: 'always',
    verify: false,
  });
  await until(async () => (await getRestorePlan(owner, plan.id)).state !== 'planning');
  expect(await getRestorePlan(owner, plan.id)).toMatchObject({ state: 'failed', error: { code: 'conflict' } });
});

test('an empty source ends in warning and says what was there before', async () => {
  const { id } = await workers.start();
  const path = await workers.folder();
  const { vault, source } = await workers.vaultAndSource(id, path);
  await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  for (const name of await readdir(path)) await rm(join(path, name), { recursive: true });
  const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(run.outcome).toBe('warning');
  expect(run.result).toMatchObject({ files: 0, warnings: [expect.stringMatching(/is empty.* had 2 files/)] });
});

test('a vault whose folder is gone fails and names the vault', async () => {
  const { id } = await workers.start();
  const { vault, vaultPath, source } = await workers.vaultAndSource(id, await workers.folder());
  await rename(vaultPath, `${vaultPath}-elsewhere`);
  const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
  expect(run).toMatchObject({ outcome: 'failed', error: { code: 'not-a-repository' } });
  expect(run.error?.message).toContain(vault.name);
});

describe.skipIf(process.getuid?.() !== 0)('as an account that may not read everything', () => {
  /** The number needs no entry in /etc/passwd. */
  const NOBODY = 65_534;

  test('an unreadable file ends the backup in warning that names it, and the rest is there', async () => {
    const path = await workers.folder();
    const secret = join(path, 'secret.key');
    await writeFile(secret, 'x');
    await chmod(secret, 0o000);
    const dataDir = await workers.otherHost('data-nobody');
    await chown(dataDir, NOBODY, NOBODY);
    await chown(join(dataDir, 'master.key'), NOBODY, NOBODY);
    const { id } = await workers.start({ dataDir, uid: NOBODY });
    const { vault, vaultPath, source } = await workers.vaultAndSource(id, path);
    execFileSync('chown', ['-R', String(NOBODY), vaultPath]);
    const run = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
    expect(run).toMatchObject({ outcome: 'warning', error: null, result: { files: 2, problemCount: 1 } });
    expect(run.result).toMatchObject({ problems: [{ path: secret }] });
    const { items } = await getRunLog(owner, run.id, { limit: 100, level: 'warn' });
    expect(items.some((line) => line.detail?.path === secret)).toBe(true);

    await mkdir(join(path, 'closed'), { mode: 0o700 });
    await expect(listFolder(owner, id, { path: join(path, 'closed'), hidden: false })).rejects.toMatchObject({
      code: 'permission-denied',
      message: expect.stringContaining('closed'),
    });
  });
});

test('folders are listed by the worker of the host, and what cannot be listed is said', async () => {
  const { id } = await workers.start();
  const path = await workers.folder();
  await mkdir(join(path, '.hidden'));
  const listing = await listFolder(owner, id, { path, hidden: false });
  expect(listing).toMatchObject({
    path,
    exists: true,
    parent: workers.path('.').replace(/\/$/, ''),
    files: 1,
    truncated: false,
    writable: true,
  });
  expect(listing.folders).toEqual([{ name: 'deep', path: join(path, 'deep'), readable: true }]);
  expect((await listFolder(owner, id, { path, hidden: true })).folders.map(({ name }) => name)).toEqual([
    '.hidden',
    'deep',
  ]);
  // Still to be made, perhaps: an answer, not an error. A worker that is not there is one.
  await expect(listFolder(owner, id, { path: join(path, 'no'), hidden: false })).resolves.toMatchObject({
    exists: false,
    folders: [],
  });
  await expect(listFolder(owner, randomUUID(), { path, hidden: false })).rejects.toMatchObject({ code: 'not-found' });
  await expect(listFolder(owner, id, { path: join(path, 'a.txt'), hidden: false })).rejects.toMatchObject({
    code: 'invalid-input',
  });
});

test('two workers of two hosts each answer for their own', async () => {
  const here = await workers.start();
  const there = await workers.start({
    dataDir: await workers.otherHost('data-there'),
    env: { HOLDFAST_WORKER_NAME: 'there' },
  });
  expect(there.id).not.toBe(here.id);
  const online = (await listWorkers(owner)).filter((worker) => worker.state === 'online').map(({ id }) => id);
  // The one that an earlier test killed counts as online until it has been silent for long enough.
  expect(online).toEqual(expect.arrayContaining([here.id, there.id]));
  for (const { id } of [here, there]) {
    await expect(listFolder(owner, id, { path: '/', hidden: false })).resolves.toMatchObject({ path: '/' });
  }
});

test('a second worker on the same data folder is refused with the reason', async () => {
  await workers.start();
  await expect(workers.start()).rejects.toThrow(/Another worker runs on the data folder/);
});

test('a wrong setting comes out as a sentence', async () => {
  await expect(workers.start({ env: { HOLDFAST_WORKER_CONCURRENCY: 'many' } })).rejects.toThrow(
    /the worker ended:\nHOLDFAST_WORKER_CONCURRENCY is not a whole number/,
  );
});

describe.skipIf(testRedisUrl() === undefined)('with the queue and the news on Redis', () => {
  beforeAll(async () => {
    await closeQueues();
    await closeCourier();
    process.env.REDIS_URL = testRedisUrl();
    forgetConfig();
  });
  afterAll(async () => {
    await closeQueues();
    await closeCourier();
    delete process.env.REDIS_URL;
    forgetConfig();
  });

  /** Those of this test's own Redis database: other test files use the same server. */
  async function dropRedisConnections(): Promise<void> {
    const url = testRedisUrl() as string;
    const client = new Redis(url);
    const own = await client.client('ID');
    const list = (await client.client('LIST')) as string;
    for (const line of list.split('\n')) {
      const [, id, db] = /^id=(\d+) .* db=(\d+) /.exec(line) ?? [];
      if (id && Number(id) !== own && db === new URL(url).pathname.slice(1)) await client.client('KILL', 'ID', id);
    }
    client.disconnect();
  }

  test('backup, cancel, folders: all of it works, and goes on when Redis drops every connection', async () => {
    const { id } = await workers.start();
    const path = await workers.folder({ bulk: 20, endless: true });
    const { vault, source } = await workers.vaultAndSource(id, path);
    const first = await startBackup(owner, source.id, { vaultId: vault.id });
    await until(async () => ((await getRun(owner, first.id)).progress?.bytesDone ?? 0) > 4 << 20);
    await cancelRun(owner, first.id);
    expect(await finished(first)).toMatchObject({ outcome: 'cancelled' });

    await rm(join(path, ENDLESS));
    const second = await startBackup(owner, source.id, { vaultId: vault.id });
    await until(async () => (await getRun(owner, second.id)).state === 'running');
    await dropRedisConnections();
    expect(await finished(second)).toMatchObject({ outcome: 'succeeded', attempt: 1 });
    await until(() =>
      listFolder(owner, id, { path: '/', hidden: false }).then(
        () => true,
        () => false,
      ),
    );
    const third = await finished(await startBackup(owner, source.id, { vaultId: vault.id }));
    expect(third).toMatchObject({ outcome: 'succeeded', result: { filesUnmodified: 22 } });
  });
});
