// Apart from the other tests of real workers, because a lease takes its time to run out.

import { expect, test } from 'vitest';
import { startBackup } from '#lib/services/backups.ts';
import { getRun } from '#lib/services/runs.ts';
import { endProcess, finished, owner, until, useWorkers } from '../testing/worker-process.ts';

const workers = useWorkers();

test('a host that dies in the middle of a backup and does not come back: another worker marks the run lost', async () => {
  const dead = await workers.start();
  const { vault, source } = await workers.vaultAndSource(dead.id, await workers.folder({ bulk: 60 }));
  const other = await workers.start({ dataDir: await workers.otherHost('data-other') });
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesStored ?? 0) > 16 << 20);
  await endProcess(dead.child, 'SIGKILL');
  const lost = await finished(run, 70_000);
  expect(lost).toMatchObject({ outcome: 'lost', attempt: 1, worker: { id: dead.id } });
  await until(() => other.output().includes(run.id));
  expect(await workers.expectClean(vault.id)).toBe(0);
}, 120_000);
