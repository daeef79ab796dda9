// Apart from the other tests of real workers, because a lease takes its time to run out.

import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { findVaultSecret } from '#lib/db/vaults.ts';
import { startBackup } from '#lib/services/backups.ts';
import { vaultPassword } from '#lib/services/open-vault.ts';
import { getRun } from '#lib/services/runs.ts';
import { resticPrograms } from '../scripts/restic-oracle.mjs';
import { endProcess, finished, owner, until, useWorkers } from '../testing/worker-process.ts';

vi.setConfig({ testTimeout: 180_000 });

const workers = useWorkers();

test('a host that dies in the middle of a backup and does not come back: another worker marks the run lost', async () => {
  const dead = await workers.start();
  const { vault, vaultPath, source } = await workers.vaultAndSource(
    dead.id,
    await workers.folder({ bulk: 15, endless: true }),
  );
  const other = await workers.start({ dataDir: await workers.otherHost('data-other') });
  const run = await startBackup(owner, source.id, { vaultId: vault.id });
  await until(async () => ((await getRun(owner, run.id)).progress?.bytesStored ?? 0) > 16 << 20);
  await endProcess(dead.child, 'SIGKILL');
  const lost = await finished(run, 120_000);
  expect(lost).toMatchObject({ outcome: 'lost', attempt: 1, worker: { id: dead.id } });
  await until(() => other.output().includes(run.id));
  expect(await workers.expectClean(vault.id)).toBe(0);
  // Both hosts of this test are one machine, so the dead process can be seen to be dead and its lock goes, too.
  await until(async () => (await readdir(join(vaultPath, 'locks'))).length === 0);
  const secret = await findVaultSecret(vault.id);
  const password = secret && (await vaultPassword(secret));
  for (const [label, program] of Object.entries(resticPrograms())) {
    if (!program) continue;
    const env = { ...process.env, RESTIC_PASSWORD: password ?? '' };
    const check = spawnSync(program, ['-r', vaultPath, '--no-cache', 'check', '--read-data'], {
      env,
      encoding: 'utf8',
    });
    expect(check, label).toMatchObject({ status: 0, stdout: expect.stringContaining('no errors were found') });
  }
});
