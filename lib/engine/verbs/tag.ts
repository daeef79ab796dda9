// Tags of snapshots. A snapshot file never changes: one with other tags is written first, with `original` naming the first
// of the line, then the old one is deleted. Under an exclusive lock, as restic does it.

import { AppError } from '#lib/errors.ts';
import { encodeSnapshot } from '../format/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import type { Problem, Snapshot, SnapshotId } from '../types.ts';
import { listSnapshots, resolveSnapshot, type SnapshotFilter } from './snapshots.ts';

/** Either `set`, which replaces all tags (an empty list removes them), or `add` and `remove`, in this order. */
export type TagChange = { set: readonly string[] } | { add?: readonly string[]; remove?: readonly string[] };

export interface TagOptions extends SnapshotFilter {
  /** Only these snapshots: ids or their first digits, or "latest". Default: all that the filter keeps. */
  snapshots?: readonly string[];
  lockWaitMs?: number;
  /** Told about snapshots that cannot be read; they stay as they are. Without it the first one is an error. */
  onProblem?: (problem: Problem) => void;
  /** Called when a snapshot was replaced. */
  onChange?: (change: ReplacedSnapshot) => void;
  signal?: AbortSignal;
}

export interface ReplacedSnapshot {
  before: Snapshot;
  after: Snapshot;
}

/** Replaces what differs and returns it; snapshots that have the tags already stay. Running it again after a crash finishes it. */
export async function changeTags(
  repo: Repository,
  change: TagChange,
  options: TagOptions = {},
): Promise<ReplacedSnapshot[]> {
  const lists = 'set' in change ? [change.set] : [change.add ?? [], change.remove ?? []];
  if (!('set' in change) && lists.every((tags) => tags.length === 0)) {
    throw new AppError('invalid-input', 'No tags to set, add or remove were given.');
  }
  for (const tag of lists.flat()) {
    if (tag === '' || tag.includes(',')) {
      throw new AppError('invalid-input', `"${tag}" cannot be a tag: a tag is not empty and has no comma.`);
    }
  }
  const lock = await repo.lock('exclusive', { waitMs: options.lockWaitMs, signal: options.signal });
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, lock.signal]) : lock.signal;
    const all = await listSnapshots(repo, { onProblem: options.onProblem, signal });
    const chosen = await choose(repo, { ...options, signal });
    // By content: what a run that broke off has written already is found here, and only its predecessor is left to delete.
    const present = new Map(all.map((snapshot) => [contentOf(snapshot), snapshot.id]));
    const replaced: ReplacedSnapshot[] = [];
    for (const before of chosen) {
      const wanted = tagsAfter(before.tags ?? [], change);
      if (sameList(wanted, before.tags ?? [])) continue;
      const next = { ...before, tags: wanted, original: before.original ?? before.id };
      await lock.confirm();
      const id =
        present.get(contentOf(next)) ?? (await repo.saveUnpacked('snapshot', encodeSnapshot(next), { signal }));
      await repo.removeFile('snapshot', before.id, { signal });
      const done = { before, after: { ...next, id } };
      replaced.push(done);
      options.onChange?.(done);
    }
    return replaced;
  } finally {
    await lock.release();
  }
}

async function choose(repo: Repository, options: TagOptions): Promise<Snapshot[]> {
  if (!options.snapshots?.length) return listSnapshots(repo, options);
  const found = new Map<SnapshotId, Snapshot>();
  // All are looked up before anything changes: a mistyped id must not leave half of it done.
  for (const reference of options.snapshots) {
    const { snapshot } = await resolveSnapshot(repo, reference, options);
    found.set(snapshot.id, snapshot);
  }
  return [...found.values()];
}

function contentOf(snapshot: Snapshot): string {
  return encodeSnapshot(snapshot).toString();
}

function tagsAfter(tags: readonly string[], change: TagChange): string[] {
  if ('set' in change) return [...new Set(change.set)];
  const remove = new Set(change.remove);
  return [...new Set([...tags, ...(change.add ?? [])])].filter((tag) => !remove.has(tag));
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((tag, i) => tag === b[i]);
}
