import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RunProgress, RunView } from '#lib/contracts/runs.ts';
import { useTestDatabase } from '../../testing/database.ts';
import * as claims from './run-claims.ts';
import { findRun, insertRun } from './runs.ts';
import { registerWorker } from './workers.ts';

useTestDatabase();

const actor = { email: 'ada@example.org' };
const LEASE = 30_000;

async function worker(): Promise<string> {
  const id = randomUUID();
  await registerWorker({ id, name: id, hostname: 'h', platform: 'p', version: '1', pid: 1, concurrency: 1 });
  return id;
}

function queued(): Promise<RunView> {
  return insertRun({ input: { kind: 'check', vaultId: randomUUID(), readData: false }, maxAttempts: 2, actor });
}

async function claimed(leaseMs = LEASE): Promise<claims.Claim> {
  const claim = await claims.claimRun((await queued()).id, await worker(), leaseMs);
  if (!claim) throw new Error('not claimed');
  return claim;
}

const progress: RunProgress = { phase: 'index', phases: [], filesDone: 1, bytesDone: 2, rate: 3, problems: 0 };

test('of twenty workers that claim one run at once, one gets it', async () => {
  const run = await queued();
  const workers = await Promise.all(Array.from({ length: 20 }, worker));
  const tries = await Promise.all(workers.map((id) => claims.claimRun(run.id, id, LEASE)));
  const won = tries.filter((claim) => claim !== null);
  expect(won.length).toBe(1);
  const row = await findRun(run.id);
  expect(row).toMatchObject({
    state: 'running',
    attempt: 1,
    worker: { id: workers[tries.indexOf(won[0] as claims.Claim)] },
  });
});

test('a run is claimed once, however often it is delivered', async () => {
  const claim = await claimed();
  expect(await claims.claimRun(claim.runId, await worker(), LEASE)).toBeNull();
  await claims.finishRun(claim, { outcome: 'succeeded' });
  expect(await claims.claimRun(claim.runId, await worker(), LEASE)).toBeNull();
});

test('a stale token changes nothing', async () => {
  const old = await claimed();
  expect(await claims.requeueRun(old)).toMatchObject({ id: old.runId, attempt: 1 });
  const next = (await claims.claimRun(old.runId, await worker(), LEASE)) as claims.Claim;
  const before = await findRun(old.runId);
  expect(await claims.renewLease(old, LEASE)).toBeNull();
  expect(await claims.writeProgress(old, progress, 100)).toBeNull();
  expect(await claims.finishRun(old, { outcome: 'succeeded' })).toBeNull();
  expect(await claims.requeueRun(old)).toBeNull();
  expect(await findRun(old.runId)).toEqual(before);
  expect(await claims.finishRun(next, { outcome: 'warning' })).toBeGreaterThan(next.version);
});

test('a finished run stays as it ended', async () => {
  const claim = await claimed();
  await claims.finishRun(claim, { outcome: 'failed', error: { code: 'internal', message: 'no' } });
  expect(await claims.writeProgress(claim, progress, 9)).toBeNull();
  expect(await claims.finishRun(claim, { outcome: 'succeeded' })).toBeNull();
  expect(await claims.requestCancel(claim.runId, actor)).toBe('already-over');
  expect(await findRun(claim.runId)).toMatchObject({ outcome: 'failed', cancelRequested: false });
});

test('versions only grow, by the worker as by others', async () => {
  const claim = await claimed();
  const seen = [claim.version];
  seen.push((await claims.writeProgress(claim, progress, 50)) as number);
  await claims.requestCancel(claim.runId, actor);
  seen.push((await findRun(claim.runId))?.version as number);
  seen.push((await claims.writeProgress(claim, progress, 2)) as number);
  seen.push((await claims.finishRun(claim, { outcome: 'cancelled', version: 70 })) as number);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.at(-1)).toBe(71);
});

test('cancelling a queued run ends it, and nobody can claim it any more', async () => {
  const run = await queued();
  expect(await claims.requestCancel(run.id, actor)).toBe('finished');
  expect(await claims.claimRun(run.id, await worker(), LEASE)).toBeNull();
  expect(await findRun(run.id)).toMatchObject({ state: 'finished', outcome: 'cancelled' });
});

test('cancelling and claiming at once leaves no run that works unasked', async () => {
  for (let i = 0; i < 20; i++) {
    const run = await queued();
    const id = await worker();
    const [claim, effect] = await Promise.all([
      claims.claimRun(run.id, id, LEASE),
      claims.requestCancel(run.id, actor),
    ]);
    const row = await findRun(run.id);
    if (claim) {
      expect([effect, row?.state, row?.cancelRequested]).toEqual(['requested', 'running', true]);
      expect(await claims.renewLease(claim, LEASE)).toEqual({ cancelRequested: true });
    } else expect([effect, row?.outcome]).toEqual(['finished', 'cancelled']);
  }
});

test('a lease that is renewed does not expire; one that is not is found', async () => {
  const [kept, left] = [await claimed(400), await claimed(400)];
  for (let i = 0; i < 4; i++) {
    await sleep(150);
    expect(await claims.renewLease(kept, 400)).toEqual({ cancelRequested: false });
  }
  const expired = (await claims.listExpiredRuns()).map((run) => run.id);
  expect(expired).toContain(left.runId);
  expect(expired).not.toContain(kept.runId);
});

test('of several sweeps one decides about an expired run, and a lease renewed in time wins', async () => {
  const claim = await claimed(1);
  await sleep(20);
  const expired = (await claims.listExpiredRuns()).find((run) => run.id === claim.runId) as claims.ExpiredRun;
  const taken = await Promise.all(Array.from({ length: 8 }, () => claims.takeExpired(expired)));
  expect(taken.filter((mine) => mine !== null).length).toBe(1);
  const late = await claimed(1);
  await sleep(20);
  const found = (await claims.listExpiredRuns()).find((run) => run.id === late.runId) as claims.ExpiredRun;
  await claims.renewLease(late, LEASE);
  expect(await claims.takeExpired(found)).toBeNull();
});
