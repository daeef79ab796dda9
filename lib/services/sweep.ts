// Finds what nobody looks after any more. Every worker runs it on a timer; several at once do no harm, because every decision is a
// compare-and-set on a row.

import { deletePlansBefore, failStalePlans } from '#lib/db/restore-plans.ts';
import {
  type ExpiredRun,
  finishRun,
  listExpiredRuns,
  listWaitingRuns,
  requeueRun,
  takeExpired,
} from '#lib/db/run-claims.ts';
import { findRun } from '#lib/db/runs.ts';
import { afterLostLease, lostError } from '#lib/domain/run-state.ts';
import { assertNever } from '#lib/errors.ts';
import { announce, deliver } from './runs.ts';

export interface SweepReport {
  lost: string[];
  cancelled: string[];
  requeued: string[];
  /** Queued runs handed to the queue (again). */
  delivered: number;
  /** Vaults of those runs: there may be a lock of a dead process in them, or a snapshot that has no recovery point yet. */
  vaultsLeft: string[];
}

/** A delivery takes milliseconds; a queued run this old may never have been handed over. */
const DELIVERY_AGE_MS = 30_000;
const PLAN_STALE_MS = 2 * 3_600_000;
/** Older plans describe a folder as it was. */
const PLAN_KEPT_MS = 7 * 24 * 3_600_000;

export async function sweep(now: Date, options: { deliveryAgeMs?: number } = {}): Promise<SweepReport> {
  const report: SweepReport = { lost: [], cancelled: [], requeued: [], delivered: 0, vaultsLeft: [] };
  for (const run of await listExpiredRuns()) await settle(run, report);
  for (const run of await listWaitingRuns(options.deliveryAgeMs ?? DELIVERY_AGE_MS)) {
    await deliver(run);
    report.delivered++;
  }
  await failStalePlans(new Date(now.getTime() - PLAN_STALE_MS), {
    code: 'timeout',
    message: 'The worker did not finish this plan.',
    hint: 'Make a new one.',
  });
  await deletePlansBefore(new Date(now.getTime() - PLAN_KEPT_MS));
  return report;
}

async function settle(run: ExpiredRun, report: SweepReport): Promise<void> {
  const claim = await takeExpired(run);
  if (!claim) return;
  if (run.vaultId && !report.vaultsLeft.includes(run.vaultId)) report.vaultsLeft.push(run.vaultId);
  const next = afterLostLease(run);
  switch (next) {
    case 'requeue': {
      const queued = await requeueRun(claim);
      if (!queued) return;
      announce({ id: run.id, version: queued.version, state: 'queued', outcome: null, progress: null });
      await deliver(queued);
      report.requeued.push(run.id);
      return;
    }
    case 'lost':
    case 'cancelled': {
      const error = next === 'lost' ? lostError(run.kind, run.workerName) : null;
      if ((await finishRun(claim, { outcome: next, error })) === null) return;
      const ended = await findRun(run.id);
      if (ended) announce(ended);
      report[next].push(run.id);
      return;
    }
    default:
      assertNever(next);
  }
}
