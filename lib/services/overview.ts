// All that the first screen shows, in one answer.

import type { Actor } from '#lib/contracts/access.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import { listUnhealedRuns, pingDatabase } from '#lib/db/overview.ts';
import { countRecoveryPoints } from '#lib/db/recovery-points.ts';
import { listActiveRuns, listRuns, listRunsById } from '#lib/db/runs.ts';
import { listSources } from '#lib/db/sources.ts';
import { listWorkers } from '#lib/db/workers.ts';
import { headline, nextStep } from '#lib/domain/headline.ts';
import { requirePermission } from './permission.ts';
import { vaultViews } from './vaults.ts';

const ATTENTION_MS = 7 * 86_400_000;
const RECENT = 10;

export async function overview(actor: Actor, now: Date): Promise<OverviewView> {
  requirePermission(actor, 'overview:read');
  const [sources, vaults, running, recent, needsAttention, recoveryPoints, workers] = await Promise.all([
    listSources(now),
    vaultViews(),
    listActiveRuns(),
    listRuns({ state: 'finished', limit: RECENT }),
    // Together: one by one they were a hundred queries, most of the time of the whole answer.
    listUnhealedRuns(new Date(now.getTime() - ATTENTION_MS)).then(listRunsById),
    countRecoveryPoints(),
    listWorkers(),
  ]);
  const workersOnline = workers.filter((worker) => worker.state === 'online').length;
  return {
    ...headline({ sources, vaults }),
    sources,
    vaults,
    running,
    recent: recent.items,
    needsAttention,
    counts: {
      sources: sources.length,
      protected: sources.filter((source) => source.state === 'protected').length,
      recoveryPoints,
      workersOnline,
    },
    nextStep: nextStep({ vaults, sources: sources.length, recoveryPoints }),
  };
}

/** Throws when the database does not answer. */
export async function health(): Promise<{ ok: true }> {
  await pingDatabase();
  return { ok: true };
}
