// The life of a run with real rows, a real queue and a real courier; only the work itself is made up here.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Actor } from '#lib/contracts/access.ts';
import type { LiveEvent } from '#lib/contracts/events.ts';
import { restoreRequest } from '#lib/contracts/restores.ts';
import { listExpiredRuns, requeueRun, takeExpired } from '#lib/db/run-claims.ts';
import { findRun } from '#lib/db/runs.ts';
import { createVault } from '#lib/db/vaults.ts';
import { registerWorker } from '#lib/db/workers.ts';
import { AppError } from '#lib/errors.ts';
import { closeCourier, courier } from '#lib/live/instance.ts';
import { closeQueues } from '#lib/queue/instance.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { RunExecutor, type RunTask, type RunWork } from './run-execution.ts';
import { cancelRun, createRun, getRunLog, retryRun } from './runs.ts';
import { sweep } from './sweep.ts';

useTestDatabase();

const actor: Actor = { userId: 'u', email: 'ada@example.org', role: 'operator' };
const workerId = randomUUID();
const executors: RunExecutor[] = [];

beforeAll(() =>
  registerWorker({ id: workerId, name: 'attic', hostname: 'h', platform: 'p', version: '1', pid: 1, concurrency: 1 }),
);
afterEach(() => {
  for (const executor of executors.splice(0)) executor.dispose();
});
afterAll(async () => {
  await closeQueues();
  await closeCourier();
});

type CheckTask = RunTask<'check'>;

const clean = { kind: 'check' as const, ok: true, packs: 1, blobs: 1, snapshots: 1, bytesRead: 0, findings: [] };
const backupInput = { kind: 'backup' as const, sourceId: randomUUID(), vaultId: randomUUID() };

async function executor(
  work: (task: CheckTask) => Promise<void> | void,
  options: { leaseMs?: number; renewMs?: number; backup?: RunWork['backup'] } = {},
): Promise<RunExecutor> {
  const never = async () => {
    throw new Error('not expected in this test');
  };
  const { backup = never, ...times } = options;
  const made = new RunExecutor({
    workerId,
    courier: await courier(),
    ...times,
    work: {
      backup,
      restore: never,
      check: async (task) => {
        await work(task);
        return { result: clean };
      },
    },
  });
  executors.push(made);
  return made;
}

function check(): Promise<{ id: string }> {
  return createRun({ input: { kind: 'check', vaultId: randomUUID(), readData: false }, actor });
}

/** Work that goes on until it is told to stop. */
async function untilStopped({ signal }: { signal: AbortSignal }): Promise<void> {
  await new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(new AppError('cancelled', 'stopped')));
  });
}

async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(20);
  }
}

async function news(runId: string): Promise<Extract<LiveEvent, { type: 'run' }>[]> {
  const seen: Extract<LiveEvent, { type: 'run' }>[] = [];
  (await courier()).subscribe((message) => {
    if (message.type === 'run' && message.runId === runId) seen.push(message);
  });
  return seen;
}

test('a run goes from queued over running to succeeded, and says so in order', async () => {
  const run = await check();
  const seen = await news(run.id);
  const states: (string | undefined)[] = [];
  const done = await executor(async () => {
    states.push((await findRun(run.id))?.state);
  });
  expect(await done.execute(run.id)).toBe('succeeded');
  expect(states).toEqual(['running']);
  await until(() => seen.at(-1)?.state === 'finished');
  // The news comes after the row: whoever reads the row then sees at least that.
  const row = await findRun(run.id);
  expect(row).toMatchObject({ state: 'finished', outcome: 'succeeded', result: clean, error: null });
  expect(row?.version).toBe(seen.at(-1)?.version);
  const versions = seen.map((event) => event.version);
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
});

test('a second delivery of a run finds nothing to do, while it works and after', async () => {
  const run = await check();
  const gate = Promise.withResolvers<void>();
  let times = 0;
  const done = await executor(async () => {
    times++;
    await gate.promise;
  });
  const first = done.execute(run.id);
  await until(() => times === 1);
  expect(await done.execute(run.id)).toBe('not-ours');
  gate.resolve();
  expect(await first).toBe('succeeded');
  expect(await done.execute(run.id)).toBe('not-ours');
  expect(times).toBe(1);
});

test('an error of the work is the run’s failure, with its sentence and remedy', async () => {
  const run = await check();
  const done = await executor(() => {
    throw new AppError('wrong-password', { message: 'The password does not open it.', hint: 'Ask the owner.' });
  });
  expect(await done.execute(run.id)).toBe('failed');
  expect(await findRun(run.id)).toMatchObject({
    outcome: 'failed',
    error: { code: 'wrong-password', message: 'The password does not open it.', hint: 'Ask the owner.' },
  });
  const { items } = await getRunLog(actor, run.id, { limit: 100 });
  expect(items.map((line) => line.message)).toContain('The password does not open it.');
});

test('cancelling reaches a working run at once and ends it as cancelled', async () => {
  const run = await check();
  const done = await executor(untilStopped);
  const end = done.execute(run.id);
  await until(async () => (await findRun(run.id))?.state === 'running');
  const asked = performance.now();
  // It may have ended by the time the answer is read.
  expect(await cancelRun(actor, run.id)).toMatchObject({ cancelRequested: true });
  expect(await end).toBe('cancelled');
  // Milliseconds on an idle machine; the lease would bring it after ten seconds.
  expect(performance.now() - asked).toBeLessThan(3_000);
  expect(await findRun(run.id)).toMatchObject({ state: 'finished', outcome: 'cancelled', error: null });
});

test('a cancel whose notice was lost is seen with the next renewal of the lease', async () => {
  const run = await check();
  const done = await executor(untilStopped, { renewMs: 300, leaseMs: 5_000 });
  // As if the courier had been away: the flag alone, no notice.
  done.dispose();
  const end = done.execute(run.id);
  await until(async () => (await findRun(run.id))?.state === 'running');
  await cancelRun(actor, run.id);
  expect(await end).toBe('cancelled');
});

test('work that was done before the cancel reached it is reported as done', async () => {
  const run = await check();
  const done = await executor(async ({ signal }) => {
    await cancelRun(actor, run.id);
    await until(() => signal.aborted);
  });
  expect(await done.execute(run.id)).toBe('succeeded');
});

test('a worker whose run was taken away is stopped and writes nothing more', async () => {
  const run = await check();
  let stopped = false;
  const done = await executor(
    async (task) => {
      const taken = { runId: run.id, fencingToken: task.claim.fencingToken };
      // What the sweep of another worker does when this one's lease has run out.
      await requeueRun(taken);
      task.report.log('info', 'still writing');
      try {
        await untilStopped(task);
      } catch (error) {
        stopped = true;
        throw error;
      }
    },
    { renewMs: 200, leaseMs: 5_000 },
  );
  expect(await done.execute(run.id)).toBe('lost-lease');
  expect(stopped).toBe(true);
  expect(await findRun(run.id)).toMatchObject({ state: 'queued', outcome: null, progress: null });
});

test('a run whose worker vanished is lost, or queued again where its kind allows, and a person need not look', async () => {
  const dead = await executor(untilStopped, { leaseMs: 300, renewMs: 60_000, backup: untilStopped as never });
  const [once, again] = [await createRun({ input: backupInput, actor, targetWorkerId: workerId }), await check()];
  // The renewing that keeps a run alive stops with the process: here the lease is simply never renewed in time.
  const ends = [dead.execute(once.id), dead.execute(again.id)];
  await until(async () => (await findRun(again.id))?.state === 'running');
  await until(async () => (await listExpiredRuns()).length === 2);
  const reports = await Promise.all([sweep(new Date()), sweep(new Date())]);
  expect(reports.flatMap((report) => report.lost)).toEqual([once.id]);
  expect(reports.flatMap((report) => report.requeued)).toEqual([again.id]);
  expect(await findRun(once.id)).toMatchObject({
    state: 'finished',
    outcome: 'lost',
    error: { message: expect.stringContaining('"attic"') },
  });
  expect(await findRun(again.id)).toMatchObject({ state: 'queued', attempt: 1, worker: null });
  // And the worker that was only slow notices by itself.
  expect(await Promise.all(ends)).toEqual(['lost-lease', 'lost-lease']);
});

test('a queued run that was never delivered is delivered by the sweep, as often as it takes', async () => {
  const run = await check();
  const reports = [await sweep(new Date(), { deliveryAgeMs: 0 }), await sweep(new Date(), { deliveryAgeMs: 0 })];
  for (const report of reports) expect(report.delivered).toBeGreaterThan(0);
  expect((await findRun(run.id))?.state).toBe('queued');
});

test('an orderly stop of the worker ends a backup as failed, with the reason, and queues a check again', async () => {
  const stopping = await executor(untilStopped, { backup: untilStopped as never });
  const [backup, again] = [await createRun({ input: backupInput, actor, targetWorkerId: workerId }), await check()];
  const ends = [stopping.execute(backup.id), stopping.execute(again.id)];
  await until(() => stopping.runningCount === 2);
  stopping.stopAll();
  expect(await Promise.all(ends)).toEqual(['failed', 'requeued']);
  expect(await findRun(backup.id)).toMatchObject({
    outcome: 'failed',
    error: { message: 'The worker was stopped before this run had ended.' },
  });
  expect(await findRun(again.id)).toMatchObject({ state: 'queued', attempt: 1 });
  await expect(stopping.execute(again.id)).rejects.toMatchObject({ code: 'unavailable' });
});

test('ten reports a millisecond become at most two news a second and one write a second', async () => {
  const run = await check();
  const seen = await news(run.id);
  const versions = new Set<number>();
  const done = await executor(async ({ report }) => {
    const end = performance.now() + 2_500;
    let n = 0;
    while (performance.now() < end) {
      for (let i = 0; i < 10; i++) report.progress({ phase: 'data', filesDone: ++n, bytesDone: n * 1000, problems: 0 });
      await sleep(1);
      const row = n % 300 === 0 ? await findRun(run.id) : null;
      if (row?.progress) versions.add(row.version);
    }
  });
  const started = performance.now();
  await done.execute(run.id);
  const seconds = (performance.now() - started) / 1_000;
  await until(() => seen.at(-1)?.state === 'finished');
  // The state, the first report, the new phase, and two a second.
  expect(seen.filter((event) => event.state === 'running').length).toBeLessThanOrEqual(4 + Math.ceil(seconds * 2));
  expect(seen.length).toBeGreaterThan(3);
  expect(versions.size).toBeLessThanOrEqual(2 + Math.ceil(seconds));
  const row = await findRun(run.id);
  expect(row?.progress?.filesDone).toBe(seen.at(-1)?.progress?.filesDone);
  expect(row?.progress?.phases.map(({ phase }) => phase)).toEqual(['opening', 'data']);
});

test('every problem is in the log, in order, when the run has ended', async () => {
  const run = await check();
  const done = await executor(async ({ report }) => {
    for (let i = 0; i < 1_200; i++) report.problem({ path: `/srv/${i}`, during: 'read', message: `no ${i}` });
  });
  await done.execute(run.id);
  const { items } = await getRunLog(actor, run.id, { limit: 1_000 });
  const rest = await getRunLog(actor, run.id, { limit: 1_000, after: items.at(-1)?.id });
  const problems = [...items, ...rest.items].filter((line) => line.detail);
  expect(problems.map((line) => line.detail?.path)).toEqual(Array.from({ length: 1_200 }, (_, i) => `/srv/${i}`));
});

test('a finished run is started again as a new one that names it, an unfinished one is not', async () => {
  const vaultId = randomUUID();
  const store = { kind: 'local' as const, path: '/srv/vault' };
  await createVault('v', actor, async () => ({
    id: vaultId,
    name: 'v',
    store,
    repositoryId: vaultId,
    sealedPassword: '',
    zone: null,
  }));
  const run = await createRun({ input: { kind: 'check', vaultId, readData: true }, vaultId, actor });
  await expect(retryRun(actor, run.id)).rejects.toMatchObject({ code: 'conflict' });
  await cancelRun(actor, run.id);
  const again = await retryRun(actor, run.id);
  expect(again).toMatchObject({ state: 'queued', retryOfId: run.id, requestedBy: actor.email, attempt: 0 });
  expect(again).toMatchObject({ input: run.input, vault: { id: vaultId } });
  expect(again.id).not.toBe(run.id);
});

test('a restore is planned anew, not started again', async () => {
  const request = restoreRequest.parse({ recoveryPointId: randomUUID(), target: { kind: 'original' } });
  const run = await createRun({ input: { kind: 'restore', request, planId: randomUUID() }, actor });
  await cancelRun(actor, run.id);
  await expect(retryRun(actor, run.id)).rejects.toMatchObject({
    code: 'conflict',
    message: 'A restore is planned anew.',
  });
});

test('a run whose vault was removed is not started again', async () => {
  const run = await check();
  await cancelRun(actor, run.id);
  await expect(retryRun(actor, run.id)).rejects.toMatchObject({ code: 'not-found' });
});

test('a viewer may look and not touch', async () => {
  const viewer: Actor = { ...actor, role: 'viewer' };
  const run = await check();
  await expect(cancelRun(viewer, run.id)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(retryRun(viewer, run.id)).rejects.toMatchObject({ code: 'forbidden' });
  expect((await findRun(run.id))?.state).toBe('queued');
});

test('a taken run cannot be taken twice by an old decision', async () => {
  const slow = await executor(untilStopped, { leaseMs: 100, renewMs: 60_000 });
  const run = await check();
  const end = slow.execute(run.id);
  await until(async () => (await listExpiredRuns()).some((expired) => expired.id === run.id));
  const [expired] = (await listExpiredRuns()).filter((found) => found.id === run.id);
  if (!expired) throw new Error('not expired');
  expect(await takeExpired(expired)).not.toBeNull();
  expect(await takeExpired(expired)).toBeNull();
  await end;
});
