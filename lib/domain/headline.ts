// The overview's one sentence. It says the worst thing first, and "all" only when all is meant.

import type { OverviewView } from '#lib/contracts/overview.ts';
import type { SourceState } from '#lib/contracts/sources.ts';

export interface Posture {
  sources: readonly { name: string; state: SourceState; worker: { id: string; name: string; online: boolean } }[];
  vaults: readonly { name: string; unreachable: string | null; lastCheck: { ok: boolean } | null }[];
}

export function headline({ sources, vaults }: Posture): Pick<OverviewView, 'headline' | 'state'> {
  if (sources.length === 0) {
    const text = vaults.length === 0 ? 'Nothing is protected yet.' : 'There is a vault, but nothing to protect yet.';
    return { headline: text, state: 'empty' };
  }
  const failed = sources.filter((source) => source.state === 'failed');
  if (failed.length > 0) return { headline: `The last backup of ${names(failed, 'sources')} failed.`, state: 'bad' };
  const missing = sources.filter((source) => source.state === 'missing');
  if (missing.length > 0) {
    const points = missing.length === 1 ? 'recovery point of' : 'recovery points of';
    const gone = missing.length === 1 ? 'is missing from its vault' : 'are missing from their vaults';
    return { headline: `The newest ${points} ${names(missing, 'sources')} ${gone}.`, state: 'bad' };
  }
  const away = vaults.filter((vault) => vault.unreachable !== null);
  if (away.length > 0)
    return {
      headline: `${away.length === 1 ? 'The vault ' : ''}${names(away, 'vaults')} cannot be reached.`,
      state: 'bad',
    };
  const unsound = vaults.filter((vault) => vault.lastCheck?.ok === false);
  if (unsound.length > 0) {
    const checks = unsound.length === 1 ? 'check of the vault' : 'checks of';
    return { headline: `The last ${checks} ${names(unsound, 'vaults')} did not pass.`, state: 'bad' };
  }
  const idle = sources.filter((source) => !source.worker.online);
  if (idle.length > 0) return { headline: withoutWorker(idle), state: 'bad' };
  const never = sources.filter((source) => source.state === 'never');
  if (never.length > 0) {
    const verb = never.length === 1 ? 'has' : 'have';
    return { headline: `${names(never, 'sources')} ${verb} no recovery point yet.`, state: 'attention' };
  }
  const warned = sources.filter((source) => source.state === 'warning');
  if (warned.length > 0)
    return { headline: `The last backup of ${names(warned, 'sources')} skipped files.`, state: 'attention' };
  const all = sources.length === 1 ? 'The one source is' : `All ${sources.length} sources are`;
  return { headline: `${all} protected.`, state: 'good' };
}

export function nextStep(facts: {
  vaults: readonly { kitDownloadedAt: string | null }[];
  sources: number;
  recoveryPoints: number;
}): OverviewView['nextStep'] {
  if (facts.vaults.length === 0) return 'create-vault';
  if (facts.vaults.some((vault) => vault.kitDownloadedAt === null)) return 'download-kit';
  if (facts.sources === 0) return 'add-source';
  return facts.recoveryPoints === 0 ? 'run-backup' : null;
}

function withoutWorker(sources: Posture['sources']): string {
  const workers = [...new Map(sources.map(({ worker }) => [worker.id, worker])).values()];
  const who =
    workers.length === 1
      ? `The worker ${names(workers, 'workers')} is`
      : `${workers.length === 2 ? 'The workers ' : ''}${names(workers, 'workers')} are`;
  return `${who} not running, so ${names(sources, 'sources')} ${sources.length === 1 ? 'is' : 'are'} not backed up.`;
}

function names(list: readonly { name: string }[], noun: string): string {
  const [first, second] = list;
  if (list.length === 1) return `"${first?.name}"`;
  if (list.length === 2) return `"${first?.name}" and "${second?.name}"`;
  return `${list.length} ${noun}`;
}
