// Folders of a host, answered by the worker there: the web process may be on another machine.

import type { Actor } from '#lib/contracts/access.ts';
import type { FolderListing, WorkerView } from '#lib/contracts/workers.ts';
import { AppError, isAppError } from '#lib/errors.ts';
import { queues } from '#lib/queue/instance.ts';
import { requirePermission } from './permission.ts';
import { findWorker } from './workers.ts';

/**
 * Lists the folders in a folder of the worker's host. A folder that is not there is an answer, with `exists: false`: it may be one
 * that is still to be made. Other errors as readFolder().
 */
export async function listFolder(
  actor: Actor,
  workerId: string,
  query: { path: string; hidden: boolean },
  signal?: AbortSignal,
): Promise<FolderListing> {
  requirePermission(actor, 'host:browse');
  const worker = await findWorker(workerId);
  try {
    return await readFolder(worker, query, signal);
  } catch (error) {
    if (!isAppError(error, 'not-found')) throw error;
    return { path: query.path, exists: false, parent: null, folders: [], files: 0, truncated: false, writable: false };
  }
}

/**
 * The same for a folder that must be there: 'not-found', 'permission-denied' and 'invalid-input' (not a folder) come back as the
 * worker says them; 'unavailable' and 'timeout' when it does not answer.
 */
export async function readFolder(
  worker: WorkerView,
  query: { path: string; hidden: boolean },
  signal?: AbortSignal,
): Promise<FolderListing> {
  if (worker.state !== 'online') {
    throw new AppError('unavailable', {
      message: `The worker "${worker.name}" is not running.`,
      hint: 'Start it on its host; its folders can be read then.',
      retryable: true,
    });
  }
  const open = await queues();
  return open.call('list-folder', query, {
    workerId: worker.id,
    workerName: worker.name,
    ...(signal ? { signal } : {}),
  });
}
