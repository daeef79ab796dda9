import { runState } from '#components/shell/run-words.ts';
import { vaultVerdict } from '#components/vaults/vault-state.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

export type AttentionItem = { kind: 'run'; run: RunView } | { kind: 'vault'; vault: VaultView };

/**
 * What needs a person: failed runs, runs that wait for a worker that is away, vaults in trouble, and vaults that nobody but this console could open. During the
 * first steps a missing kit is one of them and not yet a fault.
 */
export function attentionItems(
  view: Pick<OverviewView, 'needsAttention' | 'running' | 'vaults' | 'counts'>,
): AttentionItem[] {
  const begun = view.counts.recoveryPoints > 0;
  const vaults = view.vaults.filter((vault) => {
    const { tone } = vaultVerdict(vault);
    return tone === 'bad' || (tone === 'warn' && begun);
  });
  const stuck = view.running.filter((run) => run.state === 'queued' && run.waitsFor?.online === false);
  return [
    ...[...view.needsAttention, ...stuck].map((run) => ({ kind: 'run' as const, run })),
    ...vaults.map((vault) => ({ kind: 'vault' as const, vault })),
  ];
}

/** ■ when something is bad, ▲ when it only should not stay so. */
export function attentionTone(items: readonly AttentionItem[]): 'bad' | 'warn' {
  const tones = items.map((item) => (item.kind === 'run' ? runState(item.run) : vaultVerdict(item.vault)).tone);
  return tones.includes('bad') ? 'bad' : 'warn';
}
