// Rows of restore plans: made by a person's request, filled by a worker, spent once.

import { type RestorePlanView, type RestoreRequest, restorePlanView, restoreRequest } from '#lib/contracts/restores.ts';
import type { RunError } from '#lib/contracts/runs.ts';
import { db } from './client.ts';
import type { Prisma } from './generated/client.ts';

export type PlanSummary = NonNullable<RestorePlanView['summary']>;

type PlanRow = Prisma.RestorePlanGetPayload<object>;

function toView(row: PlanRow): RestorePlanView {
  return restorePlanView.parse({
    id: row.id,
    recoveryPointId: row.recoveryPointId,
    request: row.request,
    state: row.state,
    summary: row.summary,
    error: row.error,
    createdAt: row.createdAt.toISOString(),
  });
}

export async function insertPlan(request: RestoreRequest, requestedBy: string): Promise<RestorePlanView> {
  return toView(
    await db().restorePlan.create({ data: { recoveryPointId: request.recoveryPointId, request, requestedBy } }),
  );
}

export async function findPlan(id: string): Promise<RestorePlanView | null> {
  const row = await db().restorePlan.findUnique({ where: { id } });
  return row && toView(row);
}

/** Moves a plan from planning to ready; false when it is not being planned (any more). */
export async function completePlan(id: string, summary: PlanSummary): Promise<boolean> {
  const { count } = await db().restorePlan.updateMany({
    where: { id, state: 'planning' },
    data: { state: 'ready', summary, readyAt: new Date() },
  });
  return count > 0;
}

export async function failPlan(id: string, error: RunError): Promise<boolean> {
  const { count } = await db().restorePlan.updateMany({
    where: { id, state: 'planning' },
    data: { state: 'failed', error },
  });
  return count > 0;
}

/** Spends a ready plan; null when it is not ready, or someone spent it before: only one caller ever gets the request. */
export async function spendPlan(id: string): Promise<RestoreRequest | null> {
  const rows = await db().restorePlan.updateManyAndReturn({
    where: { id, state: 'ready' },
    data: { state: 'spent' },
    select: { request: true },
  });
  return rows[0] ? restoreRequest.parse(rows[0].request) : null;
}

/** Gives a plan back whose run could not be created. A failure after the run was committed leaves the plan spent. */
export async function unspendPlan(id: string): Promise<void> {
  await db().$executeRaw`
    UPDATE restore_plan SET state = 'ready' WHERE id = ${id}::text AND state = 'spent'
      AND NOT EXISTS (SELECT 1 FROM run WHERE kind = 'restore' AND input->>'planId' = ${id}::text)`;
}

/** Plans whose worker never came back to them. */
export async function failStalePlans(olderThan: Date, error: RunError): Promise<number> {
  const { count } = await db().restorePlan.updateMany({
    where: { state: 'planning', createdAt: { lt: olderThan } },
    data: { state: 'failed', error },
  });
  return count;
}

export async function deletePlansBefore(before: Date): Promise<number> {
  const { count } = await db().restorePlan.deleteMany({ where: { createdAt: { lt: before } } });
  return count;
}
