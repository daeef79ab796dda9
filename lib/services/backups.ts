// Starting backups. What a backup does is in workers/handlers/backup.ts.

import type { Actor } from '#lib/contracts/access.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { StartBackup } from '#lib/contracts/sources.ts';
import { findSourceFacts, findVaultName } from '#lib/db/run-facts.ts';
import { AppError } from '#lib/errors.ts';
import { requirePermission } from './permission.ts';
import { createRun } from './runs.ts';

/** Queues a backup of the source into the vault, on the worker of the source's host. */
export async function startBackup(actor: Actor, sourceId: string, input: StartBackup): Promise<RunView> {
  requirePermission(actor, 'source:backup');
  const [source, vaultName] = await Promise.all([findSourceFacts(sourceId), findVaultName(input.vaultId)]);
  if (!source) throw new AppError('not-found', { message: 'There is no such source.' });
  if (vaultName === null) throw new AppError('not-found', { message: 'There is no such vault.' });
  return createRun({
    input: { kind: 'backup', sourceId, vaultId: input.vaultId },
    sourceId,
    vaultId: input.vaultId,
    targetWorkerId: source.worker.id,
    actor,
    alone: true,
  });
}
