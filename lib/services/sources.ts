// Sources as the API and the screens use them.

import { normalize } from 'node:path';
import type { Actor } from '#lib/contracts/access.ts';
import type { Page } from '#lib/contracts/common.ts';
import type { CreateSource, SourceConfig, SourceView, UpdateSource } from '#lib/contracts/sources.ts';
import * as rows from '#lib/db/sources.ts';
import { listVaultPlaces } from '#lib/db/vaults.ts';
import { AppError, isAppError } from '#lib/errors.ts';
import { news } from '#lib/live/instance.ts';
import { isInside } from '#lib/sources/directory/own-folders.ts';
import { readFolder } from './folders.ts';
import { requirePermission } from './permission.ts';
import { findWorker } from './workers.ts';

export async function listSources(actor: Actor, now: Date): Promise<Page<SourceView>> {
  requirePermission(actor, 'source:read');
  return { items: await rows.listSources(now), nextCursor: null };
}

export async function getSource(actor: Actor, id: string, now: Date): Promise<SourceView> {
  requirePermission(actor, 'source:read');
  const [source] = await rows.listSources(now, id);
  if (source === undefined) throw noSuchSource();
  return source;
}

/** The folder is looked at on the worker's machine before anything is saved. */
export async function createSource(
  actor: Actor,
  input: CreateSource,
  now: Date,
  signal?: AbortSignal,
): Promise<SourceView> {
  requirePermission(actor, 'source:create');
  await requireFolder(actor, input.workerId, input.config, signal);
  const id = await rows.insertSource(input, actor);
  news({ type: 'changed', noun: 'source', id });
  return getSource(actor, id, now);
}

export async function updateSource(
  actor: Actor,
  id: string,
  change: UpdateSource,
  now: Date,
  signal?: AbortSignal,
): Promise<SourceView> {
  requirePermission(actor, 'source:update');
  const before = await rows.findSource(id);
  if (before === null) throw noSuchSource();
  // Excludes and names may change while the host is away; another folder must exist.
  if (change.config && change.config.path !== before.config.path) {
    await requireFolder(actor, before.workerId, change.config, signal);
  }
  await rows.updateSource(before, change, actor);
  news({ type: 'changed', noun: 'source', id });
  return getSource(actor, id, now);
}

/** Its recovery points stay in their vaults. Refused while a backup of it waits or works. */
export async function deleteSource(actor: Actor, id: string): Promise<void> {
  requirePermission(actor, 'source:delete');
  const source = await rows.findSource(id);
  if (source === null) throw noSuchSource();
  if ((await rows.deleteSource(source, actor)) === 'busy') {
    throw new AppError('conflict', {
      message: `A backup of "${source.name}" is waiting or running.`,
      hint: 'Cancel it or wait for its end, then delete the source.',
    });
  }
  news({ type: 'changed', noun: 'source', id });
}

async function requireFolder(
  actor: Actor,
  workerId: string,
  config: SourceConfig,
  signal: AbortSignal | undefined,
): Promise<void> {
  requirePermission(actor, 'host:browse');
  await refuseVaults(config.path);
  const worker = await findWorker(workerId).catch((error: unknown) => {
    if (!isAppError(error, 'not-found')) throw error;
    throw new AppError('invalid-input', { message: error.message, fields: { workerId: error.message } });
  });
  try {
    await readFolder(worker, { path: config.path, hidden: false }, signal);
  } catch (error) {
    if (!isAppError(error, 'not-found', 'permission-denied', 'invalid-input')) throw error;
    throw new AppError('invalid-input', {
      message: error.message,
      hint: error.hint,
      fields: { 'config.path': error.message },
      cause: error,
    });
  }
}

/** A vault that is backed up into itself, or into its neighbour, only grows. By path: what links hide the run itself finds out. */
async function refuseVaults(path: string): Promise<void> {
  const source = normalize(path);
  for (const { name, store } of await listVaultPlaces()) {
    if (store.kind !== 'local' || !isInside(source, normalize(store.path))) continue;
    const message = `This is ${source === normalize(store.path) ? '' : 'inside '}the folder of the vault "${name}".`;
    throw new AppError('invalid-input', {
      message,
      hint: 'To have a second copy of a vault, copy its recovery points into another vault.',
      fields: { 'config.path': message },
    });
  }
}

function noSuchSource(): AppError {
  return new AppError('not-found', { message: 'There is no such source.' });
}
