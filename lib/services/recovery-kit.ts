// The recovery kit of a vault, for its owner.

import { hostname } from 'node:os';
import type { Actor } from '#lib/contracts/access.ts';
import { listRecoveryPoints } from '#lib/db/recovery-points.ts';
import { findVaultSecret, recordKitDownload } from '#lib/db/vaults.ts';
import { news } from '#lib/live/instance.ts';
import { recoveryKit } from '#lib/secrets/recovery-kit.ts';
import { storeOf, vaultPassword } from './open-vault.ts';
import { requirePermission } from './permission.ts';
import { noSuchVault } from './vaults.ts';

/** Writes down who took it and when, then hands it out: a kit nobody knows about is worse than one taken in vain. */
export async function takeRecoveryKit(
  actor: Actor,
  vaultId: string,
  now: Date,
): Promise<{ name: string; text: string }> {
  requirePermission(actor, 'vault:recovery-kit');
  const vault = await findVaultSecret(vaultId);
  if (vault === null) throw noSuchVault();
  const password = await vaultPassword(vault);
  const { items } = await listRecoveryPoints({ vaultId, limit: 1 });
  await recordKitDownload(vault, actor, now);
  news({ type: 'changed', noun: 'vault', id: vaultId });
  const text = recoveryKit({
    vaultName: vault.name,
    location: storeOf(vault.store).location,
    hostname: hostname(),
    repositoryId: vault.repositoryId,
    password,
    madeAt: now,
    ...(items[0]?.paths[0] ? { examplePath: items[0].paths[0] } : {}),
  });
  return { name: `holdfast-recovery-kit-${vault.name}.txt`, text };
}
