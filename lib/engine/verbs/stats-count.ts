// Sizes of snapshots in restic's four ways of counting (cmd/restic/cmd_stats.go describes them). Every tree is read once,
// however many snapshots and folders share it; only trees with hard links are read once for each snapshot.

import { createHash } from 'node:crypto';
import { ENVELOPE_BYTES } from '../crypto/envelope.ts';
import type { TreeNode } from '../format/node.ts';
import { plainLength } from '../repository/blob-index.ts';
import { IdTable } from '../repository/id-table.ts';
import type { Repository } from '../repository/repository.ts';
import type { Problem, Snapshot, TreeId } from '../types.ts';
import { walkFolders } from './find-walk.ts';
import { knowBlob } from './ls-walk.ts';

export type StatsMode = 'restore-size' | 'files-by-contents' | 'blobs-per-file' | 'raw-data';

export const STATS_MODES: readonly StatsMode[] = ['restore-size', 'files-by-contents', 'blobs-per-file', 'raw-data'];

export interface SnapshotStats {
  mode: StatsMode;
  snapshots: number;
  /**
   * 'restore-size': what a restore of every snapshot would write. 'files-by-contents': files of different content.
   * 'blobs-per-file': blobs, once for each path. 'raw-data': blobs as they are stored.
   */
  totalSize: number;
  /** Not in 'raw-data'. */
  files?: number;
  /** In 'blobs-per-file' and 'raw-data'. */
  blobs?: number;
  /** In 'raw-data': bytes as they would be without compression, and those of them that are stored compressed, in both forms. */
  uncompressed?: { total: number; compressible: number; compressed: number };
}

export interface StatsOptions {
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
}

export async function countSnapshots(
  repo: Repository,
  snapshots: readonly Snapshot[],
  mode: StatsMode,
  options: StatsOptions = {},
): Promise<SnapshotStats> {
  await repo.loadIndex({ signal: options.signal });
  const counter = new Counter(repo, options);
  switch (mode) {
    case 'restore-size':
      return { mode, snapshots: snapshots.length, ...(await counter.restoreSize(snapshots)) };
    case 'files-by-contents':
    case 'blobs-per-file':
      return { mode, snapshots: snapshots.length, ...(await counter.contents(snapshots, mode)) };
    case 'raw-data':
      return { mode, snapshots: snapshots.length, ...(await counter.rawData(snapshots)) };
  }
}

interface FolderSum {
  entries: number;
  /** Without what hard links may count elsewhere. */
  bytes: number;
  hasLinks: boolean;
}

class Counter {
  readonly #repo: Repository;
  readonly #options: StatsOptions;
  readonly #trees = new IdTable();

  constructor(repo: Repository, options: StatsOptions) {
    this.#repo = repo;
    this.#options = options;
  }

  async restoreSize(snapshots: readonly Snapshot[]): Promise<{ files: number; totalSize: number }> {
    const sums: FolderSums = new FolderSums(this.#trees);
    const total: FolderSum = { entries: 0, bytes: 0, hasLinks: false };
    for (const [number, { tree }] of snapshots.entries()) {
      // Of a group of hard links a restore writes one: the first that is met counts.
      const linked = new Set<string>();
      if (sums.addTo(total, tree, number)) continue;
      const root: FolderSum = { entries: 0, bytes: 0, hasLinks: false };
      const leave = (id: TreeId, sum: FolderSum, parent: FolderSum = total) => {
        sums.keep(id, sum, number);
        parent.entries += sum.entries;
        parent.bytes += sum.bytes;
        parent.hasLinks ||= sum.hasLinks;
      };
      const loadAhead = (id: TreeId) => sums.mustWalk(id, number);
      for await (const step of walkFolders(this.#repo, tree, root, { ...this.#options, leave, loadAhead })) {
        const { node, state } = step;
        state.entries += 1;
        if (node.type === 'dir') {
          if (node.subtree && !sums.addTo(state, node.subtree, number)) {
            step.into = { entries: 0, bytes: 0, hasLinks: false };
          }
        } else if (node.links === 1 || !node.inode) state.bytes += node.size ?? 0;
        else {
          state.hasLinks = true;
          const key = `${node.inode} ${node.deviceId ?? 0}`;
          if (!linked.has(key)) total.bytes += node.size ?? 0;
          linked.add(key);
        }
      }
    }
    return { files: total.entries, totalSize: total.bytes };
  }

  /** Every entry of trees that were not met before. */
  async *#newEntries(snapshots: readonly Snapshot[]): AsyncGenerator<{ node: TreeNode; path: string }> {
    for (const { tree } of snapshots) {
      if (!this.#trees.add(tree)) continue;
      const loadAhead = (id: TreeId) => !this.#trees.has(id);
      for await (const step of walkFolders(this.#repo, tree, true, { ...this.#options, loadAhead })) {
        yield step;
        if (step.node.subtree && this.#trees.add(step.node.subtree)) step.into = true;
      }
    }
  }

  async contents(
    snapshots: readonly Snapshot[],
    mode: 'files-by-contents' | 'blobs-per-file',
  ): Promise<{ files: number; totalSize: number; blobs?: number }> {
    const contents = new IdTable();
    const paths = new IdTable();
    const blobs = new IdTable();
    let totalSize = 0;
    for await (const { node, path } of this.#newEntries(snapshots)) {
      const ids = node.content ?? [];
      // As restic: whatever has no content, folders included, counts as one empty file.
      if (!contents.add(digest(ids.join('')))) continue;
      for (const id of ids) {
        if (mode === 'blobs-per-file') {
          paths.add(digest(path));
          if (!blobs.add(digest(`${id}${path}`))) continue;
        }
        totalSize += await this.#sizeOf(id, path);
      }
    }
    if (mode === 'files-by-contents') return { files: contents.size, totalSize };
    return { files: paths.size, totalSize, blobs: blobs.size };
  }

  async #sizeOf(id: string, path: string): Promise<number> {
    await knowBlob(this.#repo, 'data', id, this.#options.signal);
    const place = this.#repo.lookup('data', id);
    if (place) return plainLength(place);
    this.#missing(path, `The data blob ${id} of this file is missing; it counts as empty.`);
    return 0;
  }

  #missing(path: string, message: string): void {
    this.#options.onProblem?.({ path, during: 'read', message });
  }

  async rawData(
    snapshots: readonly Snapshot[],
  ): Promise<Pick<SnapshotStats, 'totalSize' | 'blobs' | 'uncompressed'> & { totalSize: number }> {
    const data = new IdTable();
    for await (const { node } of this.#newEntries(snapshots)) for (const id of node.content ?? []) data.add(id);
    const uncompressed = { total: 0, compressible: 0, compressed: 0 };
    let totalSize = 0;
    let blobs = 0;
    for (const [type, ids] of [
      ['data', data],
      ['tree', this.#trees],
    ] as const) {
      for (const id of ids) {
        const place = this.#repo.lookup(type, id);
        if (!place) {
          this.#missing('/', `The ${type} blob ${id} is missing; it is not counted.`);
          continue;
        }
        blobs += 1;
        totalSize += place.length;
        // What it would take uncompressed, its envelope included, as restic counts.
        const plain = plainLength(place) + ENVELOPE_BYTES;
        uncompressed.total += plain;
        if (place.uncompressedLength === undefined) continue;
        uncompressed.compressible += plain;
        uncompressed.compressed += place.length;
      }
    }
    return { totalSize, blobs, uncompressed: this.#repo.version >= 2 ? uncompressed : undefined };
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What each tree amounts to, by its number. */
class FolderSums {
  readonly #trees: IdTable;
  #entries = new Float64Array(256);
  #bytes = new Float64Array(256);
  /** 0: no hard links in it. Otherwise one more than the snapshot it was last counted in. */
  #linkedIn = new Uint32Array(256);

  constructor(trees: IdTable) {
    this.#trees = trees;
  }

  mustWalk(tree: TreeId, snapshot: number): boolean {
    const at = this.#trees.indexOf(tree);
    if (at < 0) return true;
    const linkedIn = this.#linkedIn[at] as number;
    return linkedIn !== 0 && linkedIn !== snapshot + 1;
  }

  /** Adds a tree that is known; false for one that must be walked. */
  addTo(sum: FolderSum, tree: TreeId, snapshot: number): boolean {
    if (this.mustWalk(tree, snapshot)) return false;
    const at = this.#trees.indexOf(tree);
    sum.entries += this.#entries[at] as number;
    sum.bytes += this.#bytes[at] as number;
    sum.hasLinks ||= this.#linkedIn[at] !== 0;
    return true;
  }

  keep(tree: TreeId, sum: FolderSum, snapshot: number): void {
    this.#trees.add(tree);
    const at = this.#trees.indexOf(tree);
    if (at >= this.#entries.length) {
      this.#entries = larger(this.#entries, new Float64Array(at * 2));
      this.#bytes = larger(this.#bytes, new Float64Array(at * 2));
      this.#linkedIn = larger(this.#linkedIn, new Uint32Array(at * 2));
    }
    this.#entries[at] = sum.entries;
    this.#bytes[at] = sum.bytes;
    this.#linkedIn[at] = sum.hasLinks ? snapshot + 1 : 0;
  }
}

function larger<Numbers extends Float64Array | Uint32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
