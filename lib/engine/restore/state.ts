// What the parts of a running restore share: counters, failures, where entries lie, names for temporary files.

import { hash } from 'node:crypto';
import { lstatSync, rmdirSync } from 'node:fs';
import { AppError } from '#lib/errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { PathText, RestoreOptions, RestoreProgress } from '../types.ts';
import type { MetadataFailure } from './metadata.ts';
import type { RestoreRoot } from './pack-jobs.ts';
import type { PackPool } from './pack-pool.ts';
import { type Places, reasonOf } from './places.ts';
import { itemTarget, type PlannedItem, type ProblemLog, targetText, throttled } from './plan-items.ts';
import { removeTree } from './remove-tree.ts';

/** Starts the name of every file that is not whole yet. */
export const TEMPORARY_PREFIX = '.holdfast-';
const TEMPORARY_DIGITS = 24;

export class RestoreState {
  readonly repo: Repository;
  readonly items: readonly PlannedItem[];
  readonly problems: ProblemLog;
  readonly options: RestoreOptions;
  readonly pool: PackPool;
  /** Set when the target is there: see open(). */
  root!: RestoreRoot;
  places!: Places;
  /** Items that could not be restored. */
  readonly failed = new Set<PlannedItem>();
  phase: RestoreProgress['phase'] = 'restoring';
  filesDone = 0;
  bytesDone = 0;
  readonly #totals = { totalFiles: 0, totalBytes: 0 };
  #ownerFailures = 0;
  #ownerExample: PathText | undefined;
  readonly #report: (value: () => RestoreProgress, force?: boolean) => void;

  constructor(
    repo: Repository,
    items: readonly PlannedItem[],
    problems: ProblemLog,
    options: RestoreOptions,
    pool: PackPool,
  ) {
    this.repo = repo;
    this.items = items;
    this.problems = problems;
    this.options = options;
    this.pool = pool;
    this.#report = throttled(options.onProgress);
    for (const item of items) {
      if (!toWrite(item)) continue;
      this.#totals.totalFiles += 1;
      if (!item.linkTo) this.#totals.totalBytes += item.size;
    }
  }

  open(root: RestoreRoot, places: Places): void {
    this.root = root;
    this.places = places;
  }

  /** `current` is asked only when there is someone to tell, and it is time to. */
  progress(current?: () => PathText | undefined, force = false): void {
    const counts = { filesDone: this.filesDone, bytesDone: this.bytesDone, problems: this.problems.count };
    this.#report(() => ({ phase: this.phase, ...this.#totals, ...counts, currentPath: current?.() }), force);
  }

  /** Records a failure about one path. A full target ends the restore: every further file would fail as well. */
  fail(path: PathText, during: string, error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new AppError('no-space', {
        message: `The target is full: "${path}" could not be written after ${this.filesDone} files.`,
        hint: 'Make room, then restore again: what is there already is kept.',
        cause: error,
      });
    }
    this.problems.add({ path, during, message: reasonOf(error) });
  }

  /** Path for system calls on the item, or on another name in its folder. Valid until the next call. */
  place(item: PlannedItem, name = item.name): Buffer {
    return this.places.entry(item.folder.target, name);
  }

  /**
   * Whether the item must not be seen half written under its own name: something is there that may only go when the new
   * file is whole, or the next restore would take what an interrupted one left for a file to keep.
   */
  needsTemporary(item: PlannedItem): boolean {
    const { overwrite } = this.options;
    return item.existed || overwrite === 'never' || overwrite === 'if-newer';
  }

  /** Always the same for a name: the next restore replaces what an interrupted one left. */
  temporaryFor(item: PlannedItem): string {
    return TEMPORARY_PREFIX + hash('sha256', Buffer.from(item.name, 'latin1'), 'hex').slice(0, TEMPORARY_DIGITS);
  }

  /** rename() replaces everything but a folder. */
  makeWay(item: PlannedItem): void {
    if (item.reason !== 'type differs') return;
    try {
      const path = this.place(item);
      if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
      if (this.options.delete) removeTree(this.places, item.folder.target, item.name);
      else rmdirSync(path);
    } catch {
      // The rename that follows fails for the same reason and is reported.
    }
  }

  metadataFailed(item: PlannedItem, failures: readonly MetadataFailure[]): void {
    if (failures.length > 0) this.metadataFailedAt(itemTarget(item), failures);
  }

  metadataFailedAt(target: string, failures: readonly MetadataFailure[]): void {
    for (const { what, message } of failures) {
      if (what === 'owner' && process.getuid?.() !== 0) {
        this.#ownerFailures += 1;
        this.#ownerExample ??= targetText(target);
      } else this.problems.add({ path: targetText(target), during: 'metadata', message });
    }
  }

  /** One problem for all owners that could not be set: it is the same for every entry of an ordinary user. */
  reportOwners(): void {
    if (this.#ownerFailures === 0) return;
    const others = this.#ownerFailures > 1 ? ` and ${this.#ownerFailures - 1} more` : '';
    this.problems.add({
      path: this.#ownerExample ?? '/',
      during: 'metadata',
      message: `The owner of this entry${others} could not be set (only root can); setuid and setgid bits were left off.`,
    });
  }
}

type FileItem = PlannedItem & { type: 'file' };

export function toWrite(item: PlannedItem): boolean {
  return item.action === 'create' || item.action === 'overwrite';
}

export function isFileToWrite(item: PlannedItem): item is FileItem {
  return toWrite(item) && item.type === 'file' && !item.linkTo;
}
