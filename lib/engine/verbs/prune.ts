// Removing data no snapshot needs. planPrune() looks and decides, executePrune() does it under an exclusive lock, in an
// order that leaves a whole repository wherever it stops:
//   packs no index names -> new packs with what is still needed -> their index -> an index without the packs that go ->
//   old index files -> packs.
// Interrupted in between, some blobs are there twice or some packs in no index; the next prune finds and removes them.

import { randomBytes } from 'node:crypto';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import { BlobSaver } from '../repository/blob-saver.ts';
import type { FileIds, FileKind } from '../repository/files.ts';
import type { HeldLock } from '../repository/lock.ts';
import type { Repository } from '../repository/repository.ts';
import { throttled } from '../restore/plan-items.ts';
import type { IndexId, PackId, SnapshotId } from '../types.ts';
import { underSharedLock } from './ls-lock.ts';
import { type DeleteOutcome, deleteFiles } from './prune-delete.ts';
import { writeIndexWithout } from './prune-index.ts';
import { missingBlobs, missingPacks } from './prune-missing.ts';
import { type PackChoice, PackSurvey } from './prune-plan.ts';
import { assertCarried, carryOver } from './prune-repack.ts';
import type { MaxUnused, PruneLimits, PruneSummary } from './prune-summary.ts';
import { findUsage, type Usage } from './prune-usage.ts';
import { listSnapshots } from './snapshots.ts';

export interface PruneProgress {
  phase: 'index' | 'trees' | 'packs' | 'unreferenced' | 'repack' | 'rewrite-index' | 'delete-index' | 'delete-packs';
  done: number;
  /** 0 when only the end tells. */
  total: number;
}

export interface PlanPruneOptions extends PruneLimits {
  /** As if these were forgotten already: to see what a forget would free. */
  without?: readonly SnapshotId[];
  /** Plan under this lock; default: a shared one of its own. */
  lock?: HeldLock;
  /** Plan without any lock. */
  noLock?: boolean;
  onProgress?: (progress: PruneProgress) => void;
  signal?: AbortSignal;
}

export interface PrunePlan {
  readonly summary: PruneSummary;
  /** Nothing would change. */
  readonly isEmpty: boolean;
  /** Packs that would be deleted, carried over, and deleted because no index names them. */
  readonly packs: { remove: PackId[]; repack: PackId[]; unreferenced: PackId[] };
  /** For executePrune(). */
  readonly inner: {
    repo: Repository;
    /** Those whose data is kept. */
    snapshots: readonly SnapshotId[];
    indexes: readonly IndexId[];
    choice: PackChoice;
    usage: Usage;
  };
}

/**
 * Throws 'repository-damaged', naming files that need it, when needed data is missing or a snapshot cannot be read:
 * deleting is safe only where everything that is needed is known.
 */
export async function planPrune(repo: Repository, options: PlanPruneOptions = {}): Promise<PrunePlan> {
  const { lock, noLock, signal } = options;
  if (lock) return await plan(repo, options, signal ? AbortSignal.any([signal, lock.signal]) : lock.signal);
  return await underSharedLock(repo, { noLock, signal }, (combined) => plan(repo, options, combined));
}

async function idsOf<Kind extends FileKind>(
  repo: Repository,
  kind: Kind,
  signal?: AbortSignal,
): Promise<FileIds[Kind][]> {
  const ids: FileIds[Kind][] = [];
  for await (const { id } of repo.listFiles(kind, { signal })) ids.push(id);
  return ids.sort();
}

async function plan(repo: Repository, options: PlanPruneOptions, signal?: AbortSignal): Promise<PrunePlan> {
  const report = throttled(options.onProgress);
  // Snapshots before the index: whatever a listed snapshot needs is then in it.
  const all = await listSnapshots(repo, { signal });
  const forgotten = new Set<string>(options.without);
  const snapshots = all.filter(({ id }) => !forgotten.has(id));
  report(() => ({ phase: 'index', done: 0, total: 0 }), true);
  const indexes = await idsOf(repo, 'index', signal);
  await repo.loadIndex({ signal });
  const usage = await findUsage(repo, snapshots, {
    onProgress: (trees) => report(() => ({ phase: 'trees', done: trees, total: 0 })),
    signal,
  });
  if (usage.missing.length > 0) throw await missingBlobs(repo, snapshots, usage.missing, signal);
  report(() => ({ phase: 'packs', done: 0, total: repo.index.packCount }), true);
  const sizes: [PackId, number][] = [];
  for await (const { id, size } of repo.listFiles('pack', { signal })) sizes.push([id, size]);
  const survey = new PackSurvey(usage, repo.index, sizes);
  const unusable = survey.unusable();
  if (unusable) throw await missingPacks(repo, snapshots, unusable, usage, signal);
  const choice = survey.choose(options, repo.version >= 2);
  const idOf = (pack: number) => repo.index.packId(pack);
  const packs = {
    remove: choice.remove.map(idOf),
    repack: choice.repack.map(idOf),
    unreferenced: choice.unreferenced,
  };
  const touched = packs.remove.length + packs.repack.length + packs.unreferenced.length + choice.missingUnneeded.length;
  return {
    summary: choice.summary,
    isEmpty: touched === 0,
    packs,
    inner: { repo, snapshots: snapshots.map(({ id }) => id), indexes, choice, usage },
  };
}

export interface ExecutePruneOptions {
  /** Work under this exclusive lock, which stays its owner's; default: one of its own. */
  lock?: HeldLock;
  lockWaitMs?: number;
  onProgress?: (progress: PruneProgress) => void;
  signal?: AbortSignal;
}

export interface PruneResult {
  deletedPacks: number;
  /** Packs whose needed content was carried over; they are among the deleted ones. */
  repackedPacks: number;
  /** Bytes the carried over blobs take in their new packs. */
  storedBytes: number;
  /** What should be gone and is not; the next prune tries again. The repository is whole. */
  left: { packs: PackId[]; indexes: IndexId[] };
  /** Why, with what to do. */
  failure?: AppError;
}

/**
 * Does what the plan says. Throws 'conflict', before anything is changed, when the repository is no longer the one the plan
 * was made for, and 'permission-denied' when its store lets nothing be deleted.
 */
export async function executePrune(
  repo: Repository,
  plan: PrunePlan,
  options: ExecutePruneOptions = {},
): Promise<PruneResult> {
  if (plan.inner.repo !== repo)
    throw new AppError('internal', 'A plan belongs to the open repository it was made for.');
  const result: PruneResult = { deletedPacks: 0, repackedPacks: 0, storedBytes: 0, left: { packs: [], indexes: [] } };
  if (plan.isEmpty) return result;
  const { signal, lockWaitMs: waitMs } = options;
  const lock = options.lock ?? (await repo.lock('exclusive', { signal, waitMs }));
  try {
    const combined = signal ? AbortSignal.any([signal, lock.signal]) : lock.signal;
    await new Prune(repo, plan, { lock, signal: combined, onProgress: options.onProgress }, result).run();
    return result;
  } catch (error) {
    if (signal?.aborted && !isAppError(error, 'cancelled')) {
      const message = 'The prune was cancelled. The repository is whole; the next prune finishes the work.';
      throw new AppError('cancelled', { message, cause: error });
    }
    throw error;
  } finally {
    if (!options.lock) await lock.release();
  }
}

interface PruneContext {
  lock: HeldLock;
  signal: AbortSignal;
  onProgress: ((progress: PruneProgress) => void) | undefined;
}

class Prune {
  readonly #repo: Repository;
  readonly #plan: PrunePlan;
  readonly #context: PruneContext;
  readonly #result: PruneResult;
  readonly #report: (value: () => PruneProgress, force?: boolean) => void;

  constructor(repo: Repository, plan: PrunePlan, context: PruneContext, result: PruneResult) {
    this.#repo = repo;
    this.#plan = plan;
    this.#context = context;
    this.#result = result;
    this.#report = throttled(context.onProgress);
  }

  async run(): Promise<void> {
    const { packs, inner } = this.#plan;
    await this.#refuseStalePlan();
    await this.#refuseUndeletable();
    if (!(await this.#deletePacks('unreferenced', packs.unreferenced))) return;
    if (packs.repack.length > 0) await this.#repack();
    const missing = inner.choice.missingUnneeded.map((pack) => this.#repo.index.packId(pack));
    const going = new Set([...packs.remove, ...packs.repack, ...missing]);
    if (going.size === 0) return;
    assertCarried(this.#repo, inner.choice, inner.usage, going);
    if (!(await this.#replaceIndex(going))) return;
    await this.#deletePacks('delete-packs', [...packs.remove, ...packs.repack]);
    await this.#repo.loadIndex({ signal: this.#context.signal });
  }

  /** What was stored or forgotten since the plan was made would be judged by it without having been seen. */
  async #refuseStalePlan(): Promise<void> {
    const { signal } = this.#context;
    const { snapshots, indexes } = this.#plan.inner;
    const now = await idsOf(this.#repo, 'snapshot', signal);
    // Fewer snapshots are no harm: less is needed than was kept.
    const known = new Set<string>(snapshots);
    const isNew = now.some((id) => !known.has(id));
    const indexesNow = await idsOf(this.#repo, 'index', signal);
    if (!isNew && indexesNow.join() === indexes.join()) return;
    throw new AppError('conflict', {
      message: `The repository at ${this.#repo.store.location} changed since the prune was planned; nothing was deleted.`,
      hint: 'Plan it again.',
      retryable: true,
    });
  }

  /** A store that deletes nothing would only be filled with second copies. Asked with a name that is not there. */
  async #refuseUndeletable(): Promise<void> {
    const { lock, signal } = this.#context;
    const nothing = randomBytes(32).toString('hex') as PackId;
    const { deleted, failure } = await deleteFiles(this.#repo, 'pack', [nothing], { lock, signal });
    if (deleted.length > 0 || !isAppError(failure, 'permission-denied')) return;
    throw new AppError('permission-denied', {
      message: `The store at ${this.#repo.store.location} does not let this user delete; nothing was pruned. ${failure.message}`,
      hint: 'An append-only store is pruned with credentials that may delete, on the machine that keeps it.',
      cause: failure,
    });
  }

  async #deletePacks(phase: 'unreferenced' | 'delete-packs', ids: readonly PackId[]): Promise<boolean> {
    const onProgress = ({ done, total }: { done: number; total: number }) =>
      this.#report(() => ({ phase, done, total }), done === total);
    const outcome = await deleteFiles(this.#repo, 'pack', ids, { ...this.#context, onProgress });
    this.#result.deletedPacks += outcome.deleted.length;
    this.#result.left.packs.push(...outcome.left);
    this.#explain(outcome, 'packs that are no longer needed');
    // Some that are locked for a while do not keep the others from going.
    return outcome.left.length === 0 || outcome.deleted.length > 0;
  }

  async #repack(): Promise<void> {
    const { choice, usage } = this.#plan.inner;
    const { lock, signal } = this.#context;
    const saver = new BlobSaver(this.#repo, lock, { work: 'prune', signal });
    try {
      const onProgress = (done: number, total: number) =>
        this.#report(() => ({ phase: 'repack', done, total }), done === total);
      await carryOver(this.#repo, choice, usage, { saver, onProgress, signal });
      await saver.finish();
    } finally {
      await saver.close();
    }
    this.#result.repackedPacks = choice.repack.length;
    this.#result.storedBytes = saver.totals.storedBytes;
  }

  /** False when an old index file stays: packs it names must stay as well. */
  async #replaceIndex(going: ReadonlySet<PackId>): Promise<boolean> {
    const { indexes, usage } = this.#plan.inner;
    const access = { ...this.#context, work: 'prune' };
    this.#report(() => ({ phase: 'rewrite-index', done: 0, total: indexes.length }), true);
    const obsolete = await writeIndexWithout(this.#repo, indexes, going, usage, access);
    throwIfCancelled(this.#context.signal);
    const onProgress = ({ done, total }: { done: number; total: number }) =>
      this.#report(() => ({ phase: 'delete-index', done, total }), done === total);
    const outcome = await deleteFiles(this.#repo, 'index', obsolete, { ...this.#context, onProgress });
    if (outcome.left.length === 0) return true;
    this.#result.left.indexes.push(...outcome.left);
    this.#result.left.packs.push(...this.#plan.packs.remove, ...this.#plan.packs.repack);
    this.#explain(outcome, 'old index files, so that the packs they name stay too');
    return false;
  }

  #explain({ deleted, left, failure }: DeleteOutcome<PackId | IndexId>, what: string): void {
    if (!failure || this.#result.failure) return;
    const known = isAppError(failure) ? failure : undefined;
    const refused = known?.code === 'permission-denied';
    this.#result.failure = new AppError(known?.code ?? 'internal', {
      message: `${left.length} of ${left.length + deleted.length} ${what} could not be deleted: ${failure.message}`,
      hint: refused
        ? 'The repository is whole. The store refuses to delete them (locked, or append-only): prune again with credentials that may delete, or when the lock on them has ended.'
        : 'The repository is whole; prune again to finish.',
      retryable: known?.retryable,
      cause: failure,
    });
  }
}

const SIZE_UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** "500", "10k", "1.5G": bytes. Throws 'invalid-input'. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i.exec(text.trim());
  if (!match) {
    throw new AppError('invalid-input', {
      message: `"${text}" is not a size.`,
      hint: 'Give bytes, or a number with k, M, G or T.',
    });
  }
  return Math.floor(Number(match[1]) * (SIZE_UNITS[(match[2] ?? '').toLowerCase()] as number));
}

/** "5%", "10G", "0", "unlimited". Throws 'invalid-input'. */
export function parseMaxUnused(text: string): MaxUnused {
  const trimmed = text.trim();
  if (trimmed === 'unlimited') return 'unlimited';
  if (!trimmed.endsWith('%')) return { bytes: parseSize(trimmed) };
  const share = trimmed.slice(0, -1).trim();
  const percent = share === '' ? Number.NaN : Number(share);
  if (percent >= 0 && percent < 100) return { percent };
  throw new AppError('invalid-input', `"${text}" is no share of the repository: give 0% up to less than 100%.`);
}
