// Starting checks of a vault. What a check does is in workers/handlers/check.ts.

import type { Actor } from '#lib/contracts/access.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { CheckVault } from '#lib/contracts/vaults.ts';
import { findVaultName } from '#lib/db/run-facts.ts';
import { AppError } from '#lib/errors.ts';
import { requirePermission } from './permission.ts';
import { createRun } from './runs.ts';

export async function startCheck(actor: Actor, vaultId: string, input: CheckVault): Promise<RunView> {
  requirePermission(actor, 'vault:check');
  if ((await findVaultName(vaultId)) === null) throw new AppError('not-found', { message: 'There is no such vault.' });
  return createRun({
    input: { kind: 'check', vaultId, readData: input.readData },
    vaultId,
    actor,
    alone: true,
  });
}
