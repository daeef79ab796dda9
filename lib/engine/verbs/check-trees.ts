// Which snapshots lead to a damaged tree. Every tree is read once, however many snapshots share it; who leads to whom is
// kept as pairs of numbers, 8 bytes each.

import type { Snapshot, SnapshotId, TreeId } from '../types.ts';

const FIRST_EDGES = 1024;

export class TreeVerdicts {
  readonly #numbers = new Map<TreeId, number>();
  readonly #bad = new Set<number>();
  /** Parent, child, parent, child, ... */
  #edges = new Uint32Array(FIRST_EDGES * 2);
  #used = 0;

  /** True for a tree that was not seen before. */
  add(tree: TreeId): boolean {
    if (this.#numbers.has(tree)) return false;
    this.#numbers.set(tree, this.#numbers.size);
    return true;
  }

  /** Both trees were added. */
  edge(parent: TreeId, child: TreeId): void {
    if (this.#used === this.#edges.length) {
      const larger = new Uint32Array(this.#edges.length * 2);
      larger.set(this.#edges);
      this.#edges = larger;
    }
    this.#edges[this.#used++] = this.#numbers.get(parent) as number;
    this.#edges[this.#used++] = this.#numbers.get(child) as number;
  }

  bad(tree: TreeId): void {
    this.#bad.add(this.#numbers.get(tree) as number);
  }

  /** Snapshots with something bad in them. */
  damaged(snapshots: readonly Snapshot[]): SnapshotId[] {
    // Children come after the parent that led to them first, so one pass from the end does nearly all of it.
    for (let before = -1; before !== this.#bad.size; ) {
      before = this.#bad.size;
      if (before === 0) return [];
      for (let at = this.#used - 2; at >= 0; at -= 2) {
        if (this.#bad.has(this.#edges[at + 1] as number)) this.#bad.add(this.#edges[at] as number);
      }
    }
    return snapshots.filter(({ tree }) => this.#bad.has(this.#numbers.get(tree) as number)).map(({ id }) => id);
  }
}
