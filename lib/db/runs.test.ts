import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RunProgress, RunView } from '#lib/contracts/runs.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { insertLogLines, listLogLines } from './run-logs.ts';
import * as runs from './runs.ts';
import { createVault } from './vaults.ts';
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
  return runs.insertRun({ input: { kind: 'check', vaultId: randomUUID(), readData: false }, maxAttempts: 2, actor });
}

async function claimed(leaseMs = LEASE): Promise<runs.Claim> {
  const claim = await runs.claimRun((await queued()).id, await worker(), leaseMs);
  if (!claim) throw new Error('not claimed');
  return claim;
}

const progress: RunProgress = { phase: 'index', phases: [], filesDone: 1, bytesDone: 2, rate: 3, problems: 0 };

test('of twenty workers that claim one run at once, one gets it', async () => {
  const run = await queued();
  const workers = await Promise.all(Array.from({ length: 20 }, worker));
  const claims = await Promise.all(workers.map((id) => runs.claimRun(run.id, id, LEASE)));
  const won = claims.filter((claim) => claim !== null);
  expect(won.length).toBe(1);
  const row = await runs.findRun(run.id);
  expect(row).toMatchObject({
    state: 'running',
    attempt: 1,
    worker: { id: workers[claims.indexOf(won[0] as runs.Claim)] },
  });
});

test('a run is claimed once, however often it is delivered', async () => {
  const claim = await claimed();
  expect(await runs.claimRun(claim.runId, await worker(), LEASE)).toBeNull();
  await runs.finishRun(claim, { outcome: 'succeeded' });
  expect(await runs.claimRun(claim.runId, await worker(), LEASE)).toBeNull();
});

test('a stale token changes nothing', async () => {
  const old = await claimed();
  expect(await runs.requeueRun(old)).toMatchObject({ id: old.runId, attempt: 1 });
  const next = (await runs.claimRun(old.runId, await worker(), LEASE)) as runs.Claim;
  const before = await runs.findRun(old.runId);
  expect(await runs.renewLease(old, LEASE)).toBeNull();
  expect(await runs.writeProgress(old, progress, 100)).toBeNull();
  expect(await runs.finishRun(old, { outcome: 'succeeded' })).toBeNull();
  expect(await runs.requeueRun(old)).toBeNull();
  expect(await runs.findRun(old.runId)).toEqual(before);
  expect(await runs.finishRun(next, { outcome: 'warning' })).toBeGreaterThan(next.version);
});

test('a finished run stays as it ended', async () => {
  const claim = await claimed();
  await runs.finishRun(claim, { outcome: 'failed', error: { code: 'internal', message: 'no' } });
  expect(await runs.writeProgress(claim, progress, 9)).toBeNull();
  expect(await runs.finishRun(claim, { outcome: 'succeeded' })).toBeNull();
  expect(await runs.requestCancel(claim.runId, actor)).toBe('already-over');
  expect(await runs.findRun(claim.runId)).toMatchObject({ outcome: 'failed', cancelRequested: false });
});

test('versions only grow, by the worker as by others', async () => {
  const claim = await claimed();
  const seen = [claim.version];
  seen.push((await runs.writeProgress(claim, progress, 50)) as number);
  await runs.requestCancel(claim.runId, actor);
  seen.push((await runs.findRun(claim.runId))?.version as number);
  seen.push((await runs.writeProgress(claim, progress, 2)) as number);
  seen.push((await runs.finishRun(claim, { outcome: 'cancelled', version: 70 })) as number);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.at(-1)).toBe(71);
});

test('cancelling a queued run ends it, and nobody can claim it any more', async () => {
  const run = await queued();
  expect(await runs.requestCancel(run.id, actor)).toBe('finished');
  expect(await runs.claimRun(run.id, await worker(), LEASE)).toBeNull();
  expect(await runs.findRun(run.id)).toMatchObject({ state: 'finished', outcome: 'cancelled' });
});

test('cancelling and claiming at once leaves no run that works unasked', async () => {
  for (let i = 0; i < 20; i++) {
    const run = await queued();
    const id = await worker();
    const [claim, effect] = await Promise.all([runs.claimRun(run.id, id, LEASE), runs.requestCancel(run.id, actor)]);
    const row = await runs.findRun(run.id);
    if (claim) {
      expect([effect, row?.state, row?.cancelRequested]).toEqual(['requested', 'running', true]);
      expect(await runs.renewLease(claim, LEASE)).toEqual({ cancelRequested: true });
    } else expect([effect, row?.outcome]).toEqual(['finished', 'cancelled']);
  }
});

test('a lease that is renewed does not expire; one that is not is found', async () => {
  const [kept, left] = [await claimed(400), await claimed(400)];
  for (let i = 0; i < 4; i++) {
    await sleep(150);
    expect(await runs.renewLease(kept, 400)).toEqual({ cancelRequested: false });
  }
  const expired = (await runs.listExpiredRuns()).map((run) => run.id);
  expect(expired).toContain(left.runId);
  expect(expired).not.toContain(kept.runId);
});

test('of several sweeps one decides about an expired run, and a lease renewed in time wins', async () => {
  const claim = await claimed(1);
  await sleep(20);
  const expired = (await runs.listExpiredRuns()).find((run) => run.id === claim.runId) as runs.ExpiredRun;
  const taken = await Promise.all(Array.from({ length: 8 }, () => runs.takeExpired(expired)));
  expect(taken.filter((mine) => mine !== null).length).toBe(1);
  const late = await claimed(1);
  await sleep(20);
  const found = (await runs.listExpiredRuns()).find((run) => run.id === late.runId) as runs.ExpiredRun;
  await runs.renewLease(late, LEASE);
  expect(await runs.takeExpired(found)).toBeNull();
});

test('of ten clicks at once on the same check one counts, and another may follow when it has ended', async () => {
  const vaultId = randomUUID();
  await createVault(vaultId, actor, async () => ({
    id: vaultId,
    name: vaultId,
    store: { kind: 'local', path: `/srv/${vaultId}` },
    repositoryId: vaultId,
    sealedPassword: '',
    zone: null,
  }));
  const input = { kind: 'check' as const, vaultId, readData: false };
  const click = () => runs.insertRun({ input, vaultId, maxAttempts: 1, actor, alone: true });
  const results = await Promise.allSettled(Array.from({ length: 10 }, click));
  const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(made.length).toBe(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
  }
  await runs.requestCancel((made[0] as RunView).id, actor);
  expect(await click()).toMatchObject({ state: 'queued', vault: { id: vaultId } });
});

test('pages hold every run once, newest first, even those queued in one moment', async () => {
  const vaultless = { kind: 'check' as const };
  for (let i = 0; i < 7; i++) await queued();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await runs.listRuns({ ...vaultless, limit: 3, ...(cursor ? { cursor } : {}) });
    seen.push(...page.items.map((run) => run.id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  const all = await runs.listRuns({ ...vaultless, limit: 200 });
  expect(seen).toEqual(all.items.map((run) => run.id));
  expect(new Set(seen).size).toBe(seen.length);
  const times = all.items.map((run) => run.queuedAt);
  expect(times).toEqual([...times].sort().reverse());
});

test('a cursor made by hand is refused', async () => {
  await expect(runs.listRuns({ limit: 3, cursor: 'bm90IG91cnM' })).rejects.toMatchObject({ code: 'invalid-input' });
});

test('lists leave out the findings, the run itself has them', async () => {
  const claim = await claimed();
  const findings = [{ severity: 'hint' as const, kind: 'unreferenced-pack', message: 'm' }];
  const result = { kind: 'check' as const, ok: true, packs: 1, blobs: 2, snapshots: 3, bytesRead: 4, findings };
  await runs.finishRun(claim, { outcome: 'warning', result });
  const listed = (await runs.listRuns({ outcome: 'warning', limit: 50 })).items.find((run) => run.id === claim.runId);
  expect(listed?.result).toEqual({ ...result, findings: [] });
  expect((await runs.findRun(claim.runId))?.result).toEqual(result);
});

test('log lines keep their order and are read on from any of them, by level', async () => {
  const { id } = await queued();
  const at = new Date();
  const level = (i: number) =>
    i % 10 === 0 ? ('error' as const) : i % 2 === 0 ? ('warn' as const) : ('info' as const);
  const lines = Array.from({ length: 50 }, (_, i) => ({
    at,
    level: level(i),
    message: String(i),
    detail: i === 3 ? { path: '/x' } : null,
  }));
  const written = await insertLogLines(id, lines);
  expect(written.map((line) => line.message)).toEqual(lines.map((line) => line.message));
  const first = await listLogLines(id, { limit: 20 });
  const rest = await listLogLines(id, { limit: 100, after: first.at(-1)?.id });
  expect([...first, ...rest].map((line) => line.message)).toEqual(lines.map((line) => line.message));
  expect(first[3]?.detail).toEqual({ path: '/x' });
  const grave = await listLogLines(id, { limit: 100, level: 'warn' });
  expect(grave.every((line) => line.level !== 'info')).toBe(true);
  expect(grave.length).toBe(25);
});
