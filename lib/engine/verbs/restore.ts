// Restore, first half: look at the target, decide what happens to every entry, show it. Nothing is written before
// execute(), which spends the plan.

import { isAbsolute } from 'node:path';
import { AppError } from '#lib/errors.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import type { Repository } from '../repository/repository.ts';
import { PackPool } from '../restore/pack-pool.ts';
import {
  itemPath,
  itemTarget,
  type PlannedFolder,
  type PlannedItem,
  type PlannedRemoval,
  targetText,
} from '../restore/plan-items.ts';
import { resolveTarget } from '../restore/target.ts';
import type { RestoreAction, RestoreChange, RestoreOptions, RestorePlanSummary, RestoreResult } from '../types.ts';
import { type LockChoice, underSharedLock } from './ls-lock.ts';
import { executeRestore } from './restore-execute.ts';
import { type RestoreDraft, RestorePlanner } from './restore-planner.ts';

export type RestoreCallbacks = Pick<RestoreOptions, 'onProgress' | 'onProblem' | 'signal'> & LockChoice;

export class RestorePlan {
  readonly summary: RestorePlanSummary;
  /** The folder everything goes into. */
  readonly targetPath: string;
  readonly #draft: RestoreDraft;
  /** Threads that wait for execute(). */
  #pool: PackPool | undefined;
  #spent = false;

  constructor(draft: RestoreDraft, pool?: PackPool) {
    this.#draft = draft;
    this.#pool = pool;
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

  /** What `delete` will remove. */
  removals(page: { offset?: number; limit?: number } = {}): Pick<RestoreChange, 'target' | 'path' | 'type'>[] {
    const { offset = 0, limit = 500 } = page;
    return this.#draft.removals.slice(offset, offset + limit).map(removalOf);
  }

  *#entries(): Generator<PlannedFolder | PlannedItem> {
    for (const folder of this.#draft.folders) if (folder.metadata && folder.chosen) yield folder;
    yield* this.#draft.items;
  }

  /** Does it. A plan can be executed once: what it says about the target is then out of date. */
  async execute(callbacks: RestoreCallbacks = {}): Promise<RestoreResult> {
    if (this.#spent) throw new AppError('conflict', 'This restore plan was already carried out; make a new one.');
    this.#spent = true;
    const draft = { ...this.#draft, options: { ...this.#draft.options, ...callbacks } };
    const pool = this.#pool ?? new PackPool(draft.repo.masterKey);
    this.#pool = undefined;
    try {
      return await underSharedLock(draft.repo, draft.options, (signal) =>
        executeRestore({ ...draft, options: { ...draft.options, signal } }, pool),
      );
    } finally {
      await pool.close();
    }
  }

  /** For a plan made with `executeNext` that is not carried out after all. */
  async discard(): Promise<void> {
    this.#spent = true;
    await this.#pool?.close();
    this.#pool = undefined;
  }
}

function isFolder(entry: PlannedFolder | PlannedItem): entry is PlannedFolder {
  return 'target' in entry;
}

function changeOf(entry: PlannedFolder | PlannedItem): RestoreChange {
  const { action, reason } = entry;
  if (isFolder(entry)) {
    const why = reason ?? (entry.metadataDiffers ? 'metadata differs' : undefined);
    return { target: targetText(entry.target), path: entry.path, type: 'dir', action, size: 0, reason: why };
  }
  return {
    target: targetText(itemTarget(entry)),
    path: itemPath(entry),
    type: entry.type,
    action,
    size: bytesToWrite(entry),
    reason: entry.linkTo ? 'hard link' : reason,
  };
}

function removalOf({ folder, name, type }: PlannedRemoval) {
  return {
    target: targetText(`${folder.target}/${name}`),
    path: joinPathText(folder.path, pathTextFromBytes(Buffer.from(name, 'latin1'))),
    type,
  };
}

function bytesToWrite({ size, action, linkTo }: PlannedItem): number {
  return linkTo || (action !== 'create' && action !== 'overwrite') ? 0 : size;
}

function summarise({ folders, items, removals, extra, options, freeBytes }: RestoreDraft): RestorePlanSummary {
  const amount = () => ({ count: 0, bytes: 0 });
  const totals = { create: amount(), overwrite: amount(), keep: amount(), unsupported: amount() };
  for (const { action, metadata, chosen } of folders) if (metadata && chosen) totals[action].count += 1;
  for (const item of items) {
    totals[item.action].count += 1;
    totals[item.action].bytes += item.action === 'keep' ? item.size : bytesToWrite(item);
  }
  const { create, overwrite, keep, unsupported } = totals;
  return {
    create,
    overwrite,
    keep,
    extra: { count: extra },
    ...(options.delete && { delete: { count: removals.length } }),
    unsupported: { count: unsupported.count },
    freeBytes,
  };
}

/** Looks at the target and compares. Throws 'not-found' for a snapshot folder or an included path that is not there. */
export async function planRestore(repo: Repository, options: RestoreOptions): Promise<RestorePlan> {
  if (!isAbsolute(options.target))
    throw new AppError('invalid-input', `The target "${options.target}" must be an absolute path.`);
  refuseDeleteEverywhere(options);
  const pool = new PackPool(repo.masterKey);
  let keepPool = false;
  try {
    if (options.executeNext) pool.start();
    const draft = await new RestorePlanner(repo, options, pool).plan();
    keepPool = options.executeNext ?? false;
    return new RestorePlan(draft, keepPool ? pool : undefined);
  } finally {
    if (!keepPool) await pool.close();
  }
}

/** As restic: whoever restores to / and deletes the rest has lost the machine. */
function refuseDeleteEverywhere({ delete: remove, target, include = [], patterns }: RestoreOptions): void {
  if (!remove || resolveTarget(target) !== '/') return;
  const chosen = include.length + (patterns?.include?.length ?? 0) + (patterns?.includeAnyCase?.length ?? 0);
  if (chosen > 0) return;
  throw new AppError('invalid-input', {
    message: 'Everything that is not in the snapshot would be deleted from the whole machine.',
    hint: 'Say with include which folders are meant, or restore to another target.',
  });
}
