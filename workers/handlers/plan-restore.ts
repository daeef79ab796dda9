// Says what a restore would do. It changes nothing, so a plan whose worker died is simply made again when the queue delivers it anew.

import type { RestorePlanView } from '#lib/contracts/restores.ts';
import { completePlan, failPlan, findPlan, type PlanSummary } from '#lib/db/restore-plans.ts';
import type { CpuPool } from '#lib/engine/cpu/pool.ts';
import { pathTextFromBytes } from '#lib/engine/format/path-text.ts';
import { planRestore } from '#lib/engine/verbs/restore.ts';
import { news } from '#lib/live/instance.ts';
import { openVault } from '#lib/services/open-vault.ts';
import { describeError } from '#lib/services/run-execution.ts';
import { refuseOwnFolders } from '#lib/sources/directory/own-folders.ts';
import { ownFolders } from './own-folders.ts';
import { restoreOptions } from './restore-options.ts';

/** Of each action; the counts say how many there are. */
const MOST_CHANGES = 500;
/** What is destroyed comes first. */
const SHOWN = ['overwrite', 'unsupported', 'create', 'keep'] as const;

export async function makePlan(
  planId: string,
  { workerId, cpu }: { workerId: string; cpu: CpuPool },
  signal: AbortSignal,
): Promise<void> {
  const plan = await findPlan(planId);
  if (plan?.state !== 'planning') return;
  try {
    await completePlan(planId, await summarise(plan, workerId, cpu, signal));
  } catch (error) {
    // The worker stops: the queue delivers the job again.
    if (signal.aborted) throw error;
    await failPlan(planId, describeError(error));
  }
  news({ type: 'changed', noun: 'restore-plan', id: planId });
}

async function summarise(
  { request }: RestorePlanView,
  workerId: string,
  cpu: CpuPool,
  signal: AbortSignal,
): Promise<PlanSummary> {
  const { vaultId, options } = await restoreOptions(request, workerId);
  const open = await openVault(vaultId, { cpu, signal });
  try {
    await refuseOwnFolders(options.target, ownFolders(open.vault.store));
    const plan = await planRestore(open.repository, { ...options, signal });
    return {
      ...plan.summary,
      targetPath: pathTextFromBytes(Buffer.from(plan.targetPath)),
      changes: SHOWN.flatMap((action) => plan.changes({ action, limit: MOST_CHANGES })),
    };
  } finally {
    await open.close();
  }
}
