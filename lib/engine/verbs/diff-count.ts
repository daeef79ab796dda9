// The statistics restic prints under a comparison: entries and blobs that only one side has. A blob is new when nothing of
// the first snapshot uses it, so trees that are the same on both sides are read as well, each once.

import type { TreeNode } from '../format/node.ts';
import { plainLength } from '../repository/blob-index.ts';
import { IdTable } from '../repository/id-table.ts';
import type { Repository } from '../repository/repository.ts';
import type { DiffChange, Problem, TreeId } from '../types.ts';
import { walkFolders } from './find-walk.ts';

export interface SideCounts {
  files: number;
  dirs: number;
  others: number;
  data_blobs: number;
  tree_blobs: number;
  bytes: number;
}

export interface DiffCounts {
  changed_files: number;
  added: SideCounts;
  removed: SideCounts;
}

interface BlobSets {
  data: IdTable;
  tree: IdTable;
}

const noCounts = (): SideCounts => ({ files: 0, dirs: 0, others: 0, data_blobs: 0, tree_blobs: 0, bytes: 0 });
const noBlobs = (): BlobSets => ({ data: new IdTable(), tree: new IdTable() });

/** Given to diffSnapshots(), which tells it what it meets; finish() when that has ended. */
export class DiffCounter {
  readonly #counts: DiffCounts = { changed_files: 0, added: noCounts(), removed: noCounts() };
  readonly #before = noBlobs();
  readonly #after = noBlobs();
  readonly #common = noBlobs();

  roots(before: TreeId | undefined, after: TreeId | undefined): void {
    if (before) this.#before.tree.add(before);
    if (after) this.#after.tree.add(after);
  }

  /** An entry that only one side has. */
  side(node: TreeNode, change: 'added' | 'removed'): void {
    const counts = this.#counts[change];
    if (node.type === 'file') counts.files += 1;
    else if (node.type === 'dir') counts.dirs += 1;
    else counts.others += 1;
    note(change === 'added' ? this.#after : this.#before, node);
  }

  both(old: TreeNode, now: TreeNode, change: DiffChange | undefined): void {
    if (change === 'modified' && now.type === 'file') this.#counts.changed_files += 1;
    note(this.#before, old);
    note(this.#after, now);
  }

  /** A folder that is the same on both sides. */
  async common(
    repo: Repository,
    tree: TreeId,
    options: { onProblem?: (problem: Problem) => void; signal?: AbortSignal },
  ): Promise<void> {
    if (!this.#common.tree.add(tree)) return;
    const { onProblem, signal } = options;
    const loadAhead = (id: TreeId) => !this.#common.tree.has(id);
    for await (const step of walkFolders(repo, tree, true, { onProblem, signal, loadAhead })) {
      const { content, subtree } = step.node;
      for (const id of content ?? []) this.#common.data.add(id);
      if (subtree && this.#common.tree.add(subtree)) step.into = true;
    }
  }

  finish(repo: Repository): DiffCounts {
    this.#countBlobs(repo, this.#before, this.#after, this.#counts.removed);
    this.#countBlobs(repo, this.#after, this.#before, this.#counts.added);
    return this.#counts;
  }

  #countBlobs(repo: Repository, side: BlobSets, other: BlobSets, counts: SideCounts): void {
    for (const type of ['data', 'tree'] as const) {
      for (const id of side[type]) {
        if (other[type].has(id) || this.#common[type].has(id)) continue;
        counts[`${type}_blobs`] += 1;
        const place = repo.lookup(type, id);
        if (place) counts.bytes += plainLength(place);
      }
    }
  }
}

function note(blobs: BlobSets, { content, subtree }: TreeNode): void {
  for (const id of content ?? []) blobs.data.add(id);
  if (subtree) blobs.tree.add(subtree);
}
