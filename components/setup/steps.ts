import type { OverviewView } from '#lib/contracts/overview.ts';

export type StepId = NonNullable<OverviewView['nextStep']>;

/** The way from an empty console to a first backup, in order. */
export const STEPS: readonly { id: StepId; title: string; why: string }[] = [
  { id: 'create-vault', title: 'Create a vault', why: 'An encrypted folder that keeps the backups.' },
  { id: 'download-kit', title: 'Store the recovery kit', why: 'Opens the vault even without this console.' },
  { id: 'add-source', title: 'Add a source', why: 'A folder that must not be lost.' },
  { id: 'run-backup', title: 'Run the first backup', why: 'And watch it arrive.' },
];

export type StepState = 'done' | 'now' | 'later';

/** `next` is the server's word on what is missing; null when nothing is. */
export function stepState(id: StepId, next: StepId | null): StepState {
  if (next === null) return 'done';
  const at = STEPS.findIndex((step) => step.id === id);
  const current = STEPS.findIndex((step) => step.id === next);
  return at < current ? 'done' : at === current ? 'now' : 'later';
}
