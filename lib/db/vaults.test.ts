import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { RunOutcome } from '#lib/contracts/runs.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { db } from './client.ts';
import { createVault, listVaults } from './vaults.ts';

useTestDatabase();

test('the newest check counts, whether it came to a verdict or not; a cancelled one does not', async () => {
  const vaultId = randomUUID();
  const store = { kind: 'local' as const, path: '/srv/vault' };
  await createVault('v', { email: 'ada@example.org' }, async () => ({
    id: vaultId,
    name: 'v',
    store,
    repositoryId: vaultId,
    sealedPassword: '',
    zone: null,
  }));
  let minute = 0;
  const check = async (outcome: RunOutcome, ok?: boolean): Promise<string> => {
    minute += 1;
    const at = new Date(Date.UTC(2026, 10, 20, 10, minute));
    const { id } = await db().run.create({
      data: {
        kind: 'check',
        state: 'finished',
        outcome,
        input: { kind: 'check', vaultId, readData: true },
        vaultId,
        maxAttempts: 1,
        requestedBy: 'ada@example.org',
        queuedAt: at,
        finishedAt: at,
        ...(ok === undefined ? {} : { result: { kind: 'check', ok } }),
      },
      select: { id: true },
    });
    return id;
  };
  const last = async () => (await listVaults(vaultId))[0]?.lastCheck;

  expect(await last()).toBeNull();
  const sound = await check('succeeded', true);
  await check('cancelled');
  expect(await last()).toMatchObject({ runId: sound, ok: true, readData: true });
  const unable = await check('failed');
  expect(await last()).toMatchObject({ runId: unable, ok: false });
  await check('warning', true);
  expect(await last()).toMatchObject({ ok: true });
  const lost = await check('lost');
  expect(await last()).toMatchObject({ runId: lost, ok: false });
  await check('succeeded', true);
  await check('failed', false);
  expect(await last()).toMatchObject({ ok: false });
});
