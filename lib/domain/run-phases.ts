// The steps of each run kind, in order: keys are what the row keeps, labels are what a person reads.

import type { RunKind } from '#lib/contracts/runs.ts';

export interface RunPhase {
  key: string;
  label: string;
}

/** Phases of the engine's own progress callbacks keep the engine's words; the ones around them are ours. */
export const RUN_PHASES: Record<RunKind, readonly RunPhase[]> = {
  backup: [
    { key: 'opening', label: 'Opening the vault' },
    { key: 'preparing', label: 'Looking for what changed' },
    { key: 'reading', label: 'Reading and storing files' },
    { key: 'finishing', label: 'Writing index and snapshot' },
    { key: 'recording', label: 'Recording the recovery point' },
  ],
  restore: [
    { key: 'opening', label: 'Opening the vault' },
    { key: 'planning', label: 'Comparing with the target' },
    { key: 'restoring', label: 'Writing files' },
    { key: 'metadata', label: 'Setting owners, modes and times' },
    { key: 'verifying', label: 'Reading back what was written' },
  ],
  check: [
    { key: 'opening', label: 'Opening the vault' },
    { key: 'index', label: 'Reading the index' },
    { key: 'packs', label: 'Comparing packs with the index' },
    { key: 'snapshots', label: 'Walking all recovery points' },
    { key: 'data', label: 'Reading all data' },
  ],
};

/** Words for a phase; an unknown key (written by a newer version) is shown as it is. */
export function phaseLabel(kind: RunKind, phase: string): string {
  return RUN_PHASES[kind].find((known) => known.key === phase)?.label ?? phase;
}
