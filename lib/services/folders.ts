// Folders of a host, answered by the worker there: the web process may be on another machine.

import type { Actor } from '#lib/contracts/access.ts';
import type { FolderListing } from '#lib/contracts/workers.ts';
import { AppError } from '#lib/errors.ts';
import { queues } from '#lib/queue/instance.ts';
import { requirePermission } from './permission.ts';
import { findWorker } from './workers.ts';

/**
 * Lists the folders in a folder of the worker's host. Also the way to ask whether a folder exists there: 'not-found',
 * 'permission-denied' and 'invalid-input' (not a folder) come back as the worker says them; 'unavailable' and 'timeout' when it
 * does not answer.
 */
export async function listFolder(
  actor: Actor,
  workerId: string,
  query: { path: string; hidden: boolean },
  signal?: AbortSignal,
): Promise<FolderListing> {
  requirePermission(actor, 'host:browse');
  const worker = await findWorker(workerId);
  if (worker.state !== 'online') {
    throw new AppError('unavailable', {
      message: `The worker "${worker.name}" is not running.`,
      hint: 'Start it on its host; its folders can be read then.',
      retryable: true,
    });
  }
  const open = await queues();
  return open.call('list-folder', query, { workerId, workerName: worker.name, ...(signal ? { signal } : {}) });
}
