// What the parts of a running restore share: counters, failures, names for temporary files.

import { randomBytes } from 'node:crypto';
import { lstatSync, rmdirSync } from 'node:fs';
import { AppError } from '#lib/errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { PathText, RestoreOptions, RestoreProgress } from '../types.ts';
import type { MetadataFailure } from './metadata.ts';
import type { PackPool } from './pack-pool.ts';
import { bytesOf, itemTarget, type PlannedItem, type ProblemLog, targetText, throttled } from './plan-items.ts';

export class RestoreState {
  readonly repo: Repository;
  readonly items: readonly PlannedItem[];
  readonly problems: ProblemLog;
  readonly options: RestoreOptions;
  readonly pool: PackPool;
  /** Items that could not be restored. */
  readonly failed = new Set<PlannedItem>();
  phase: RestoreProgress['phase'] = 'restoring';
  filesDone = 0;
  bytesDone = 0;
  readonly #totals = { totalFiles: 0, totalBytes: 0 };
  readonly #temporary = `.holdfast-${randomBytes(6).toString('hex')}`;
  #temporaries = 0;
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
      if (!item.linkTo) this.#totals.totalBytes += item.node.size ?? 0;
    }
  }

  progress(currentPath?: PathText, force = false): void {
    const counts = { filesDone: this.filesDone, bytesDone: this.bytesDone, problems: this.problems.count };
    this.#report(() => ({ phase: this.phase, ...this.#totals, ...counts, currentPath }), force);
  }

  /** Records a failure about one path. A full target ends the restore: every further file would fail as well. */
  fail(path: PathText, during: string, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new AppError('no-space', {
        message: `The target is full: "${path}" could not be written after ${this.filesDone} files.`,
        hint: 'Make room, then restore again: what is there already is kept.',
        cause: error,
      });
    }
    this.problems.add({ path, during, message });
  }

  temporaryFor(item: PlannedItem): string {
    return `${item.folder.target}/${this.#temporary}-${this.#temporaries++}`;
  }

  /** rename() replaces everything but a folder. */
  makeWay(item: PlannedItem): void {
    if (item.reason !== 'type differs') return;
    try {
      if (lstatSync(bytesOf(itemTarget(item)), { throwIfNoEntry: false })?.isDirectory())
        rmdirSync(bytesOf(itemTarget(item)));
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

type FileItem = PlannedItem & { node: { type: 'file' } };

export function toWrite(item: PlannedItem): boolean {
  return item.action === 'create' || item.action === 'overwrite';
}

export function isFileToWrite(item: PlannedItem): item is FileItem {
  return toWrite(item) && item.node.type === 'file' && !item.linkTo;
}
