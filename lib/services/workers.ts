import type { Actor } from '#lib/contracts/access.ts';
import type { WorkerView } from '#lib/contracts/workers.ts';
import * as rows from '#lib/db/workers.ts';
import { AppError } from '#lib/errors.ts';
import { requirePermission } from './permission.ts';

export async function listWorkers(actor: Actor): Promise<WorkerView[]> {
  requirePermission(actor, 'worker:read');
  return rows.listWorkers();
}

export async function getWorker(actor: Actor, id: string): Promise<WorkerView> {
  requirePermission(actor, 'worker:read');
  return findWorker(id);
}

/** For services that send work to a worker. */
export async function findWorker(id: string): Promise<WorkerView> {
  const [worker] = await rows.listWorkers(id);
  if (!worker) throw new AppError('not-found', { message: 'There is no such worker.' });
  return worker;
}
