import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { restoreRequest } from '#lib/contracts/restores.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { completePlan, findPlan, insertPlan, spendPlan, unspendPlan } from './restore-plans.ts';
import { insertRun } from './runs.ts';

useTestDatabase();

const request = restoreRequest.parse({ recoveryPointId: randomUUID(), target: { kind: 'original' } });
const none = { count: 0, bytes: 0 };
const nothing = { create: none, overwrite: none, keep: none, extra: { count: 0 }, unsupported: { count: 0 } };

async function spent(): Promise<string> {
  const { id } = await insertPlan(request, 'ada@example.org');
  await completePlan(id, { ...nothing, targetPath: '/srv', changes: [] });
  expect(await spendPlan(id)).toEqual(request);
  return id;
}

test('a plan is given back when no run came of it, and stays spent when one did', async () => {
  const [without, withRun] = [await spent(), await spent()];
  await insertRun({
    input: { kind: 'restore', request, planId: withRun },
    maxAttempts: 1,
    actor: { email: 'ada@example.org' },
  });
  await unspendPlan(without);
  await unspendPlan(withRun);
  expect((await findPlan(without))?.state).toBe('ready');
  expect((await findPlan(withRun))?.state).toBe('spent');
  expect(await spendPlan(withRun)).toBeNull();
});
