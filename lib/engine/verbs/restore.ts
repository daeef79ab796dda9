// Restore, first half: look at the target, decide what happens to every entry, show it. Nothing is written before
// execute(), which spends the plan.

import { isAbsolute } from 'node:path';
import { AppError } from '#lib/errors.ts';
import type { Repository } from '../repository/repository.ts';
import { PackPool } from '../restore/pack-pool.ts';
import {
  itemPath,
  itemTarget,
  type PlannedFolder,
  type PlannedItem,
  type ProblemLog,
  targetText,
} from '../restore/plan-items.ts';
import type { RestoreAction, RestoreChange, RestoreOptions, RestorePlanSummary, RestoreResult } from '../types.ts';
import { type LockChoice, underSharedLock } from './ls-lock.ts';
import { executeRestore } from './restore-execute.ts';
import { type RestoreDraft, RestorePlanner } from './restore-planner.ts';

export type RestoreCallbacks = Pick<RestoreOptions, 'onProgress' | 'onProblem' | 'signal'> & LockChoice;

export class RestorePlan {
  readonly summary: RestorePlanSummary;
  /** The folder everything goes into. */
  readonly targetPath: string;
  readonly #repo: Repository;
  readonly #options: RestoreOptions;
  readonly #folders: PlannedFolder[];
  readonly #items: PlannedItem[];
  readonly #problems: ProblemLog;
  #spent = false;

  constructor(draft: RestoreDraft) {
    this.#repo = draft.repo;
    this.#options = draft.options;
    this.#folders = draft.folders;
    this.#items = draft.items;
    this.#problems = draft.problems;
    this.targetPath = draft.target;
    this.summary = summarise(draft);
  }

  /** Changes in the order of the snapshot, folders first; `action` picks one kind. */
  changes(page: { action?: RestoreAction; offset?: number; limit?: number } = {}): RestoreChange[] {
    const { action, offset = 0, limit = 500 } = page;
    const changes: RestoreChange[] = [];
    let at = 0;
    for (const entry of this.#entries()) {
      if (action && entry.action !== action) continue;
      if (at++ < offset) continue;
      if (changes.length === limit) break;
      changes.push(changeOf(entry));
    }
    return changes;
  }

  *#entries(): Generator<PlannedFolder | PlannedItem> {
    for (const folder of this.#folders) if (folder.node && folder.chosen) yield folder;
    yield* this.#items;
  }

  /** Does it. A plan can be executed once: what it says about the target is then out of date. */
  async execute(callbacks: RestoreCallbacks = {}): Promise<RestoreResult> {
    if (this.#spent) throw new AppError('conflict', 'This restore plan was already carried out; make a new one.');
    this.#spent = true;
    const options = { ...this.#options, ...callbacks };
    return underSharedLock(this.#repo, options, (signal) =>
      executeRestore(this.#repo, this.#folders, this.#items, this.#problems, { ...options, signal }),
    );
  }
}

function isFolder(entry: PlannedFolder | PlannedItem): entry is PlannedFolder {
  return 'target' in entry;
}

function changeOf(entry: PlannedFolder | PlannedItem): RestoreChange {
  const { action, reason } = entry;
  if (isFolder(entry)) {
    return { target: targetText(entry.target), path: entry.path, type: 'dir', action, size: 0, reason };
  }
  return {
    target: targetText(itemTarget(entry)),
    path: itemPath(entry),
    type: entry.node.type,
    action,
    size: bytesToWrite(entry),
    reason: entry.linkTo ? 'hard link' : reason,
  };
}

function bytesToWrite({ node, action, linkTo }: PlannedItem): number {
  return linkTo || (action !== 'create' && action !== 'overwrite') ? 0 : (node.size ?? 0);
}

function summarise({ folders, items, extra, freeBytes }: RestoreDraft): RestorePlanSummary {
  const amount = () => ({ count: 0, bytes: 0 });
  const totals = { create: amount(), overwrite: amount(), keep: amount(), unsupported: amount() };
  for (const { action, node, chosen } of folders) if (node && chosen) totals[action].count += 1;
  for (const item of items) {
    totals[item.action].count += 1;
    totals[item.action].bytes += item.action === 'keep' ? (item.node.size ?? 0) : bytesToWrite(item);
  }
  const { create, overwrite, keep, unsupported } = totals;
  return { create, overwrite, keep, extra: { count: extra }, unsupported: { count: unsupported.count }, freeBytes };
}

/** Looks at the target and compares. Throws 'not-found' for a snapshot folder or an included path that is not there. */
export async function planRestore(repo: Repository, options: RestoreOptions): Promise<RestorePlan> {
  if (!isAbsolute(options.target))
    throw new AppError('invalid-input', `The target "${options.target}" must be an absolute path.`);
  const pool = new PackPool(repo.masterKey);
  try {
    return new RestorePlan(await new RestorePlanner(repo, options, pool).plan());
  } finally {
    await pool.close();
  }
}
