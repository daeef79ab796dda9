import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { RunView } from '#lib/contracts/runs.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { db } from './client.ts';
import { type Claim, claimRun, finishRun, requestCancel } from './run-claims.ts';
import { insertLogLines, listLogLines } from './run-logs.ts';
import * as runs from './runs.ts';
import { createVault } from './vaults.ts';
import { registerWorker } from './workers.ts';

useTestDatabase();

const actor = { email: 'ada@example.org' };

async function worker(): Promise<string> {
  const id = randomUUID();
  await registerWorker({ id, name: id, hostname: 'h', platform: 'p', version: '1', pid: 1, concurrency: 1 });
  return id;
}

function queued(): Promise<RunView> {
  return runs.insertRun({ input: { kind: 'check', vaultId: randomUUID(), readData: false }, maxAttempts: 2, actor });
}

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
  await requestCancel((made[0] as RunView).id, actor);
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

test('a queued run names the worker it waits for and its last sign; a taken one waits for nobody', async () => {
  const [there, away] = [await worker(), await worker()];
  await db().worker.update({ where: { id: away }, data: { lastSeenAt: new Date('2026-01-01T00:00:00Z') } });
  const ask = (targetWorkerId: string | null) =>
    runs.insertRun({
      input: { kind: 'check', vaultId: randomUUID(), readData: false },
      maxAttempts: 1,
      actor,
      targetWorkerId,
    });
  const stuck = await ask(away);
  expect(stuck.waitsFor).toEqual({
    worker: { id: away, name: away, hostname: 'h' },
    online: false,
    lastSeenAt: '2026-01-01T00:00:00.000Z',
  });
  expect((await ask(there)).waitsFor).toMatchObject({ worker: { id: there }, online: true });
  const anyone = await ask(null);
  expect(anyone.waitsFor).toMatchObject({ worker: null, online: true });
  expect(anyone.waitsFor?.lastSeenAt).not.toBe('2026-01-01T00:00:00.000Z');
  const listed = (await runs.listActiveRuns()).find((run) => run.id === stuck.id);
  expect(listed?.waitsFor).toEqual(stuck.waitsFor);
  await claimRun(stuck.id, away, 30_000);
  expect((await runs.findRun(stuck.id))?.waitsFor).toBeNull();
});

test('a cursor made by hand is refused', async () => {
  await expect(runs.listRuns({ limit: 3, cursor: 'bm90IG91cnM' })).rejects.toMatchObject({ code: 'invalid-input' });
});

test('lists leave out the findings, the run itself has them', async () => {
  const claim = (await claimRun((await queued()).id, await worker(), 30_000)) as Claim;
  const findings = [{ severity: 'hint' as const, kind: 'unreferenced-pack', message: 'm' }];
  const result = { kind: 'check' as const, ok: true, packs: 1, blobs: 2, snapshots: 3, bytesRead: 4, findings };
  await finishRun(claim, { outcome: 'warning', result });
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
