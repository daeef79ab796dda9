// Differences between two snapshots. Subtrees with the same id are the same and skipped, so the cost is that of what changed.

import { hash } from 'node:crypto';
import { isAppError, throwIfCancelled } from '#lib/errors.ts';
import type { TreeNode } from '../format/node.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import { iterateTree, safeNodes } from '../format/tree.ts';
import { IdTable } from '../repository/id-table.ts';
import type { Repository } from '../repository/repository.ts';
import type { DiffChange, DiffEntry, PathText, Problem, SnapshotId, TreeId } from '../types.ts';
import type { DiffCounter } from './diff-count.ts';
import { findFolder, findNode, knowBlob, walkTree } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

export interface DiffOptions {
  /** Compare only below this folder; default '/'. It need not exist in both. */
  path?: PathText;
  /** Folder of the second snapshot, when it is another one. */
  otherPath?: PathText;
  /**
   * Which attributes make a 'metadata' difference. 'shown' (default): mode, owner, modification time and extended attributes.
   * 'all': everything that is stored, as restic compares: access time, inode and what lies below a folder as well.
   */
  metadata?: 'shown' | 'all';
  /** Is told what restic's statistics count; see diff-count.ts. Costs reading the trees that are the same on both sides. */
  count?: DiffCounter;
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
}

/** What changed from `a` to `b`, in the order of paths; each entry of an added or removed folder is listed. */
export async function* diffSnapshots(
  repo: Repository,
  a: SnapshotId,
  b: SnapshotId,
  options: DiffOptions = {},
): AsyncGenerator<DiffEntry> {
  const path = options.path ?? '/';
  const otherPath = options.otherPath ?? path;
  const [before, after] = await Promise.all([folderOf(repo, a, path, options), folderOf(repo, b, otherPath, options)]);
  // Neither throws what says where the path is missing.
  if (!before && !after)
    await findFolder(repo, (await loadSnapshot(repo, b, options.signal)).tree, otherPath, options.signal);
  options.count?.roots(before, after);
  if (before === after && before) await options.count?.common(repo, before, options);
  yield* diffTrees(repo, before, after, path, { ...options, same: new IdTable() });
}

interface Comparison extends DiffOptions {
  /**
   * Pairs of trees that differ in nothing that is told. Without it two bombs of shared subtrees that differ in a time nobody asked
   * for would take for ever.
   */
  same: IdTable;
}

async function folderOf(
  repo: Repository,
  id: SnapshotId,
  path: PathText,
  { signal }: DiffOptions,
): Promise<TreeId | undefined> {
  const { tree } = await loadSnapshot(repo, id, signal);
  await knowBlob(repo, 'tree', tree, signal);
  try {
    const node = await findNode(repo, tree, path, signal);
    return node ? node.subtree : tree;
  } catch (error) {
    // Not in this snapshot: everything below it was added or removed.
    if (!isAppError(error, 'not-found')) throw error;
    return undefined;
  }
}

/** Trees above this are read node by node where they are sorted, as they should be; below, a list is faster. */
const LIST_BYTES = 4 << 20;

async function nodesOf(
  repo: Repository,
  tree: TreeId | undefined,
  path: PathText,
  options: DiffOptions,
): Promise<Iterator<TreeNode>> {
  if (!tree) return [][Symbol.iterator]();
  const blob = await repo.loadBlob('tree', tree, { signal: options.signal });
  const nodes = safeNodes(blob, ({ name, message }) =>
    options.onProblem?.({ path: name ? joinPathText(path, pathTextFromBytes(name)) : path, during: 'list', message }),
  );
  if (blob.length > LIST_BYTES && isSorted(blob)) return nodes;
  return Array.from(nodes)
    .sort((x, y) => Buffer.compare(x.name, y.name))
    [Symbol.iterator]();
}

function isSorted(blob: Buffer): boolean {
  let previous: Buffer | undefined;
  for (const { name } of iterateTree(blob)) {
    if (previous && Buffer.compare(previous, name) > 0) return false;
    previous = name;
  }
  return true;
}

async function* diffTrees(
  repo: Repository,
  a: TreeId | undefined,
  b: TreeId | undefined,
  path: PathText,
  options: Comparison,
): AsyncGenerator<DiffEntry, boolean> {
  if (a === b) return false;
  const pair = hash('sha256', `${a} ${b}`);
  if (options.same.has(pair)) return false;
  let differs = false;
  const [before, after] = await Promise.all([nodesOf(repo, a, path, options), nodesOf(repo, b, path, options)]);
  let old = next(before);
  let now = next(after);
  for (let count = 1; old || now; count++) {
    const order = !old ? 1 : !now ? -1 : Buffer.compare(old.name, now.name);
    const node = (order > 0 ? now : old) as TreeNode;
    const entryPath = joinPathText(path, pathTextFromBytes(node.name));
    if (order < 0) yield* wholeSide(repo, node, entryPath, 'removed', options);
    else if (order > 0) yield* wholeSide(repo, node, entryPath, 'added', options);
    else if (yield* diffNodes(repo, old as TreeNode, now as TreeNode, entryPath, options)) differs = true;
    if (order !== 0) differs = true;
    if (order <= 0) old = next(before);
    if (order >= 0) now = next(after);
    // Two large folders of which nothing differs must still hear of a cancellation.
    if (count % NODES_PER_TURN === 0) {
      await new Promise(setImmediate);
      throwIfCancelled(options.signal);
    }
  }
  if (!differs) options.same.add(pair);
  return differs;
}

const NODES_PER_TURN = 2000;

function next(nodes: Iterator<TreeNode>): TreeNode | undefined {
  const { value, done } = nodes.next();
  return done ? undefined : value;
}

async function* diffNodes(
  repo: Repository,
  old: TreeNode,
  now: TreeNode,
  path: PathText,
  options: Comparison,
): AsyncGenerator<DiffEntry, boolean> {
  const change = changeOf(old, now, options.metadata === 'all');
  if (change) {
    const bitrot = change === 'modified' && now.type === 'file' && sameButContent(old, now);
    const sizes = { sizeBefore: sizeOf(old), sizeAfter: sizeOf(now) };
    yield { path, change, type: now.type, ...sizes, ...(bitrot && { bitrot }) };
  }
  options.count?.both(old, now, change);
  const [before, after] = [old, now].map((node) => (node.type === 'dir' ? node.subtree : undefined));
  if (before && before === after) await options.count?.common(repo, before, options);
  else if (change !== 'type') return (yield* diffTrees(repo, before, after, path, options)) || change !== undefined;
  else {
    if (before) yield* below(repo, before, path, 'removed', options);
    if (after) yield* below(repo, after, path, 'added', options);
  }
  return change !== undefined;
}

async function* wholeSide(
  repo: Repository,
  node: TreeNode,
  path: PathText,
  change: 'added' | 'removed',
  options: DiffOptions,
): AsyncGenerator<DiffEntry> {
  options.count?.side(node, change);
  yield sided(node, path, change);
  if (node.type === 'dir' && node.subtree) yield* below(repo, node.subtree, path, change, options);
}

async function* below(
  repo: Repository,
  tree: TreeId,
  path: PathText,
  change: 'added' | 'removed',
  options: DiffOptions,
): AsyncGenerator<DiffEntry> {
  const { onProblem, signal } = options;
  for await (const walked of walkTree(repo, tree, { path, onProblem, signal })) {
    options.count?.side(walked.node, change);
    yield sided(walked.node, walked.path, change);
  }
}

function sided(node: TreeNode, path: PathText, change: 'added' | 'removed'): DiffEntry {
  const size = sizeOf(node);
  return { path, change, type: node.type, ...(change === 'added' ? { sizeAfter: size } : { sizeBefore: size }) };
}

function sizeOf(node: TreeNode): number | undefined {
  return node.type === 'file' ? (node.size ?? 0) : undefined;
}

function changeOf(old: TreeNode, now: TreeNode, all: boolean): DiffChange | undefined {
  if (old.type !== now.type) return 'type';
  if (old.type === 'file') {
    const [a, b] = [old.content ?? [], now.content ?? []];
    if (a.length !== b.length || a.some((id, i) => id !== b[i])) return 'modified';
  }
  if (old.type === 'symlink' && !sameBytes(old.linkTarget, now.linkTarget)) return 'modified';
  if (old.device !== now.device) return 'modified';
  const same =
    old.mode === now.mode &&
    old.uid === now.uid &&
    old.gid === now.gid &&
    old.mtime === now.mtime &&
    JSON.stringify(old.extendedAttributes ?? []) === JSON.stringify(now.extendedAttributes ?? []) &&
    (!all || encodedWithoutContent(old) === encodedWithoutContent(now));
  return same ? undefined : 'metadata';
}

/** Content that changed while nothing else did: not even its time. A disk that forgets looks like that. */
function sameButContent(old: TreeNode, now: TreeNode): boolean {
  return encodedWithoutContent(old) === encodedWithoutContent(now);
}

/** Text of all that restic's comparison of nodes looks at, but the content. */
function encodedWithoutContent(node: TreeNode): string {
  return JSON.stringify({ ...node, content: undefined, unknown: undefined }, (_, value) =>
    typeof value === 'bigint' ? `${value}` : value,
  );
}

function sameBytes(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return (a ?? Buffer.alloc(0)).equals(b ?? Buffer.alloc(0));
}
