// Restores: a plan is made by the worker that would write, shown to a person, and spent once. See docs/decisions/004.

import type { Actor } from '#lib/contracts/access.ts';
import type { ExecuteRestore, RestorePlanView, RestoreRequest } from '#lib/contracts/restores.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import * as plans from '#lib/db/restore-plans.ts';
import { findPointFacts, type PointFacts } from '#lib/db/run-facts.ts';
import { type RestoreDestination, restoreDestination } from '#lib/domain/restore-target.ts';
import { AppError } from '#lib/errors.ts';
import { news } from '#lib/live/instance.ts';
import { queues } from '#lib/queue/instance.ts';
import { requirePermission } from './permission.ts';
import { createRun } from './runs.ts';
import { findWorker } from './workers.ts';

/** Asks the worker what the restore would do. Follow the plan until its state is ready or failed. */
export async function createRestorePlan(actor: Actor, request: RestoreRequest): Promise<RestorePlanView> {
  requirePermission(actor, 'restore:create');
  const { destination } = await placeRestore(request);
  const worker = await findWorker(destination.workerId);
  if (worker.state !== 'online') {
    throw new AppError('unavailable', {
      message: `The worker "${worker.name}", which would write the files, is not running.`,
      hint: 'Start it on its host, or restore into a folder of another worker.',
      retryable: true,
    });
  }
  const plan = await plans.insertPlan(request, actor.email);
  try {
    const open = await queues();
    await open.enqueue('plan-restore', { planId: plan.id }, { workerId: destination.workerId, id: plan.id });
  } catch (error) {
    // Nobody waits for a plan that is not shown: say so at once instead of delivering it later.
    const message = error instanceof AppError ? error.message : 'The plan could not be handed to the worker.';
    await plans.failPlan(plan.id, { code: 'unavailable', message });
    throw error;
  }
  return plan;
}

export async function getRestorePlan(actor: Actor, id: string): Promise<RestorePlanView> {
  requirePermission(actor, 'restore:create');
  const plan = await plans.findPlan(id);
  if (!plan) throw new AppError('not-found', { message: 'There is no such restore plan.', hint: 'Make a new one.' });
  return plan;
}

/** Spends the plan and queues the restore it describes. */
export async function executeRestore(actor: Actor, input: ExecuteRestore): Promise<RunView> {
  requirePermission(actor, 'restore:create');
  const plan = await getRestorePlan(actor, input.planId);
  const { destination, point } = await placeRestore(plan.request);
  const request = await plans.spendPlan(plan.id);
  if (!request) {
    throw new AppError('conflict', {
      message: plan.state === 'spent' ? 'This plan has been used already.' : `This plan is not ready (${plan.state}).`,
      hint:
        plan.state === 'spent'
          ? 'Look at the run it started, or make a new plan.'
          : 'Wait until it is ready, or make a new one.',
    });
  }
  try {
    const run = await createRun({
      input: { kind: 'restore', request, planId: plan.id },
      sourceId: point.source?.id ?? null,
      vaultId: point.vaultId,
      recoveryPointId: point.id,
      targetWorkerId: destination.workerId,
      actor,
    });
    news({ type: 'changed', noun: 'restore-plan', id: plan.id });
    return run;
  } catch (error) {
    await plans.unspendPlan(plan.id);
    throw error;
  }
}

/** Where a request leads. The worker asks again when it starts, because the rows may have changed since. */
export async function placeRestore(
  request: RestoreRequest,
): Promise<{ destination: RestoreDestination; point: PointFacts }> {
  const point = await findPointFacts(request.recoveryPointId);
  if (!point) {
    throw new AppError('not-found', {
      message: 'There is no such recovery point.',
      hint: 'It may have been removed; choose another one.',
    });
  }
  return { destination: restoreDestination(request.target, point), point };
}
