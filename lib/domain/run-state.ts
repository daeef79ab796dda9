// The rules of a run's life: which moves are allowed, and what an ending is called.

import type { RunError, RunKind, RunOutcome, RunResult, RunState } from '#lib/contracts/runs.ts';
import { assertNever } from '#lib/errors.ts';

interface RunFacts {
  state: RunState;
  cancelRequested: boolean;
  attempt: number;
  maxAttempts: number;
}

/**
 * What becomes of a running run whose worker no longer answers for it (its lease ran out).
 * A person's wish to cancel wins: the work has stopped, which is what was asked for.
 */
export function afterLostLease(run: Omit<RunFacts, 'state'>): 'requeue' | 'lost' | 'cancelled' {
  if (run.cancelRequested) return 'cancelled';
  return run.attempt < run.maxAttempts ? 'requeue' : 'lost';
}

/** What becomes of a running run whose worker is stopped in order (SIGTERM). */
export function afterWorkerStop(run: Omit<RunFacts, 'state'>): 'requeue' | 'failed' | 'cancelled' {
  const next = afterLostLease(run);
  return next === 'lost' ? 'failed' : next;
}

/** A finished run may be repeated; a succeeded one too ("once more"). */
export function mayRetry(run: Pick<RunFacts, 'state'>): boolean {
  return run.state === 'finished';
}

/** How a run that came to its end by itself is called: nothing that is not good is called succeeded. */
export function outcomeOfResult(result: RunResult): Extract<RunOutcome, 'succeeded' | 'warning' | 'failed'> {
  switch (result.kind) {
    case 'backup':
      return result.problemCount > 0 || result.warnings.length > 0 ? 'warning' : 'succeeded';
    case 'restore':
      return result.problemCount > 0 ? 'warning' : 'succeeded';
    case 'check':
      if (!result.ok) return 'failed';
      return result.findings.length > 0 ? 'warning' : 'succeeded';
    default:
      return assertNever(result);
  }
}

/** A check that found errors has done its work and still must not look like a success. */
export function errorOfResult(result: RunResult): RunError | null {
  if (result.kind !== 'check' || result.ok) return null;
  const errors = result.findings.filter((finding) => finding.severity === 'error');
  const count = errors.length;
  // What another program deleted is lost, but it is no rot: nobody should move house because of it.
  if (count > 0 && errors.every((finding) => finding.kind === 'missing-snapshot')) {
    return {
      code: 'repository-damaged',
      message: `${count} ${count === 1 ? 'recovery point is' : 'recovery points are'} missing from the vault.`,
      hint: 'Another program deleted them, or their files were lost; what else is in the vault is sound. Back up again, and find out who may delete in it.',
    };
  }
  return {
    code: 'repository-damaged',
    message: `The vault is damaged: ${count} ${count === 1 ? 'error was' : 'errors were'} found.`,
    hint: 'The findings name what is affected. Do not delete anything; back up again into another vault first.',
  };
}

export function lostError(kind: RunKind, workerName: string | null): RunError {
  return {
    code: 'unavailable',
    message: `The worker${workerName ? ` "${workerName}"` : ''} stopped answering while this run was working, so it is unknown how far it came.`,
    hint: `${WHAT_IS_LEFT[kind]} Look at the worker first. ${ONCE_MORE[kind]}`,
  };
}

export function stoppedError(kind: RunKind): RunError {
  return {
    code: 'unavailable',
    message: 'The worker was stopped before this run had ended.',
    hint: `${WHAT_IS_LEFT[kind]} ${ONCE_MORE[kind]}`,
  };
}

/** What a run that broke off leaves behind. */
const WHAT_IS_LEFT: Record<RunKind, string> = {
  backup: 'The repository is safe: unfinished data in it is unused, and the next backup picks it up.',
  restore:
    'The recovery point is untouched. The place restored to may be half done: files written already stay, the rest is as it was.',
  check: 'The vault is as it was: a check only reads.',
};

/** A restore is planned anew, because what it would overwrite has changed: docs/decisions/004. */
const ONCE_MORE: Record<RunKind, string> = {
  backup: 'Start the backup again.',
  restore: 'Restore again from the recovery point: a new plan shows what is still to be written.',
  check: 'Start the check again.',
};
