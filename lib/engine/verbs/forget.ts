// Removing snapshots: by restic's keep rules (forget-policy.ts), or named ones. Only snapshot files go; the data they
// alone referred to stays until a prune.

import { AppError, isAppError } from '#lib/errors.ts';
import type { HeldLock } from '../repository/lock.ts';
import type { Repository } from '../repository/repository.ts';
import type { Problem, Snapshot, SnapshotId } from '../types.ts';
import {
  applyKeepRules,
  DEFAULT_GROUPS,
  type ForgetFilter,
  fitsFilter,
  type GroupBy,
  groupSnapshots,
  hasNoRule,
  isEmptyFilter,
  type KeepRules,
  type KeptSnapshot,
  type SnapshotGroup,
} from './forget-policy.ts';
import { type DeleteOutcome, deleteFiles } from './prune-delete.ts';
import { listSnapshots } from './snapshots.ts';

export interface ForgetOptions {
  rules?: KeepRules;
  /** Default: by host and paths. Empty: all in one group. */
  groupBy?: readonly GroupBy[];
  filter?: ForgetFilter;
  /** These, whatever the rules would say. */
  snapshots?: readonly SnapshotId[];
  /** With a filter: no rules, or rules that leave nothing of a group, are meant. */
  allowRemoveAll?: boolean;
  now?: Date;
}

export interface ForgetGroup extends Omit<SnapshotGroup<Snapshot>, 'snapshots'> {
  keep: KeptSnapshot<Snapshot>[];
  remove: Snapshot[];
}

export interface ForgetPlan {
  /** Empty when snapshots were named. */
  groups: ForgetGroup[];
  remove: Snapshot[];
}

/** Pure. Throws 'invalid-input' where restic refuses too: no rules, or a group would lose its last snapshot. */
export function planForgetting(snapshots: readonly Snapshot[], options: ForgetOptions): ForgetPlan {
  const { rules = {}, groupBy = DEFAULT_GROUPS, filter = {}, allowRemoveAll, now = new Date() } = options;
  if (options.snapshots) {
    const wanted = new Set<string>(options.snapshots);
    return { groups: [], remove: snapshots.filter(({ id }) => wanted.has(id)) };
  }
  const noRule = hasNoRule(rules);
  if (noRule && !allowRemoveAll) {
    throw new AppError('invalid-input', {
      message: 'No rule says what to keep; nothing is removed.',
      hint: 'Give at least one of the keep rules, or name the snapshots to forget.',
    });
  }
  if (noRule && isEmptyFilter(filter)) {
    throw new AppError('invalid-input', {
      message: 'Without any keep rule all snapshots of the repository would be removed; nothing is removed.',
      hint: 'Say of which host, tags or paths.',
    });
  }
  const fitting = snapshots.filter((snapshot) => fitsFilter(snapshot, filter));
  const groups = groupSnapshots(fitting, groupBy).map(({ snapshots: members, ...key }) => {
    const { keep, remove } = applyKeepRules(members, rules, { now });
    if (keep.length === 0 && !allowRemoveAll) throw lastOfGroup(key);
    return { ...key, keep, remove };
  });
  return { groups, remove: groups.flatMap(({ remove }) => remove) };
}

function lastOfGroup({ host, paths, tags }: Omit<SnapshotGroup<Snapshot>, 'snapshots'>): AppError {
  const parts = [host && `host ${host}`, paths && `paths ${paths.join(', ')}`, tags && `tags ${tags.join(', ')}`];
  const group = parts.filter(Boolean).join(', ') || 'the repository';
  return new AppError('invalid-input', {
    message: `The rules would remove every snapshot of a group (${group}); nothing is removed.`,
    hint: 'Keep at least one, or say that removing all is meant.',
  });
}

/** Snapshots that cannot be read are reported, and stay. */
export async function planForget(
  repo: Repository,
  options: ForgetOptions & { onProblem?: (problem: Problem) => void; signal?: AbortSignal },
): Promise<ForgetPlan> {
  const { onProblem, signal } = options;
  const plan = planForgetting(await listSnapshots(repo, { onProblem: onProblem ?? (() => {}), signal }), options);
  const found = new Set<string>(plan.remove.map(({ id }) => id));
  const missing = options.snapshots?.find((id) => !found.has(id));
  if (missing) throw new AppError('not-found', `There is no snapshot ${missing.slice(0, 8)} that can be read.`);
  return plan;
}

export interface ForgetExecuteOptions {
  /** Work under this exclusive lock, which stays its owner's; default: one of its own. */
  lock?: HeldLock;
  lockWaitMs?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

export interface ForgetResult {
  removed: SnapshotId[];
  /** Planned and still there, with the store's reason. */
  left: SnapshotId[];
  failure?: AppError;
}

/** Removes what the plan names, and nothing else. Snapshots that are gone already count as removed. */
export async function executeForget(
  repo: Repository,
  plan: ForgetPlan,
  options: ForgetExecuteOptions = {},
): Promise<ForgetResult> {
  const ids = plan.remove.map(({ id }) => id);
  if (ids.length === 0) return { removed: [], left: [] };
  const { signal, lockWaitMs: waitMs } = options;
  const lock = options.lock ?? (await repo.lock('exclusive', { signal, waitMs }));
  try {
    const outcome: DeleteOutcome<SnapshotId> = await deleteFiles(repo, 'snapshot', ids, { ...options, lock });
    return { removed: outcome.deleted, left: outcome.left, failure: explain(outcome) };
  } finally {
    if (!options.lock) await lock.release();
  }
}

function explain({ deleted, left, failure }: DeleteOutcome<SnapshotId>): AppError | undefined {
  if (!failure) return undefined;
  const total = deleted.length + left.length;
  const known = isAppError(failure) ? failure : undefined;
  return new AppError(known?.code ?? 'internal', {
    message: `${left.length} of ${total} snapshots could not be removed: ${failure.message}`,
    hint:
      known?.code === 'permission-denied'
        ? 'The store does not let this user delete (append-only, or locked against deletion). Snapshots that stay are whole.'
        : known?.hint,
    retryable: known?.retryable,
    cause: failure,
  });
}
