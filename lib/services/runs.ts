// Runs as the API and the screens use them. A run is a row first and a job second: when the queue cannot be reached, the row stays
// queued and the sweep delivers it later, so nothing that a person asked for is forgotten.

import type { z } from 'zod';
import type { Actor } from '#lib/contracts/access.ts';
import type { Page } from '#lib/contracts/common.ts';
import type { RunLogLine, RunQuery, RunView, runLogQuery } from '#lib/contracts/runs.ts';
import { type Delivery, requestCancel } from '#lib/db/run-claims.ts';
import { listLogLines } from '#lib/db/run-logs.ts';
import * as rows from '#lib/db/runs.ts';
import { mayRetry } from '#lib/domain/run-state.ts';
import { AppError } from '#lib/errors.ts';
import { news } from '#lib/live/instance.ts';
import { logger } from '#lib/logger.ts';
import { RUN_ATTEMPTS } from '#lib/queue/catalog.ts';
import { queues } from '#lib/queue/instance.ts';
import { requirePermission } from './permission.ts';

export async function listRuns(actor: Actor, query: RunQuery): Promise<Page<RunView>> {
  requirePermission(actor, 'run:read');
  return rows.listRuns(query);
}

export async function getRun(actor: Actor, id: string): Promise<RunView> {
  requirePermission(actor, 'run:read');
  return existing(id);
}

/** Lines after `query.after`, oldest first; fewer than `query.limit` means that there are no more yet. */
export async function getRunLog(
  actor: Actor,
  id: string,
  query: z.infer<typeof runLogQuery>,
): Promise<{ items: RunLogLine[] }> {
  requirePermission(actor, 'run:read');
  const items = await listLogLines(id, query);
  // An empty log and a run that does not exist are two answers.
  if (items.length === 0) await existing(id);
  return { items };
}

/** Queued and running runs: the snapshot that a live stream sends after it subscribed. */
export async function activeRuns(): Promise<RunView[]> {
  return rows.listActiveRuns();
}

/**
 * Cancels a queued run at once. A running one is told to stop: it ends as cancelled within moments, or as what it was when it
 * came to its end first. A finished one stays as it is.
 */
export async function cancelRun(actor: Actor, id: string): Promise<RunView> {
  requirePermission(actor, 'run:cancel');
  const effect = await requestCancel(id, actor);
  if (effect === 'requested') news({ type: 'cancel', runId: id });
  const run = await existing(id);
  if (effect === 'finished' || effect === 'requested') announce(run);
  return run;
}

/** Starts the same backup or check once more, as a new run that names the old one. */
export async function retryRun(actor: Actor, id: string): Promise<RunView> {
  requirePermission(actor, 'run:retry');
  const [run, placement] = await Promise.all([existing(id), rows.findRunPlacement(id)]);
  if (!mayRetry(run) || !placement) {
    throw new AppError('conflict', { message: 'This run has not ended yet.', hint: 'Wait for its end, or cancel it.' });
  }
  // What a restore would overwrite may have changed since its plan was shown: see docs/decisions/004.
  if (run.kind === 'restore') {
    throw new AppError('conflict', {
      message: 'A restore is planned anew.',
      hint: 'Open the recovery point and restore again: you see first what it would overwrite.',
    });
  }
  const removed = (run.kind === 'backup' && !placement.sourceId && 'source') || (!placement.vaultId && 'vault');
  if (removed) throw new AppError('not-found', { message: `The ${removed} of this run was removed.` });
  return createRun({
    input: run.input,
    sourceId: placement.sourceId,
    vaultId: placement.vaultId,
    targetWorkerId: placement.targetWorkerId,
    actor,
    retryOfId: run.id,
    alone: true,
  });
}

/** Writes the row, then hands it to the queue. For the services that start runs; they have checked the permission. */
export async function createRun(run: Omit<rows.NewRun, 'maxAttempts'>): Promise<RunView> {
  const view = await rows.insertRun({ ...run, maxAttempts: RUN_ATTEMPTS[run.input.kind] });
  announce(view);
  await deliver({ id: view.id, kind: view.kind, attempt: view.attempt, targetWorkerId: run.targetWorkerId ?? null });
  return view;
}

/** Enqueues a queued run. Again and again is harmless: while its job is there, adding it does nothing. */
export async function deliver(run: Delivery): Promise<void> {
  try {
    const open = await queues();
    await open.enqueue(run.kind, { runId: run.id }, { workerId: run.targetWorkerId, id: `${run.id}.${run.attempt}` });
  } catch (error) {
    logger('runs').warn({ err: error, runId: run.id }, 'run not delivered; the sweep tries again');
  }
}

/** Tells everyone who watches that the run is now like this. */
export function announce(run: Pick<RunView, 'id' | 'version' | 'state' | 'outcome' | 'progress'>): void {
  news({
    type: 'run',
    runId: run.id,
    version: run.version,
    state: run.state,
    outcome: run.outcome,
    progress: run.progress,
  });
}

async function existing(id: string): Promise<RunView> {
  const run = await rows.findRun(id);
  if (!run) throw new AppError('not-found', { message: 'There is no such run.' });
  return run;
}
