// Differences between two snapshots. Subtrees with the same id are the same and skipped, so the cost is that of what changed.

import type { TreeNode } from '../format/node.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import { safeNodes } from '../format/tree.ts';
import type { Repository } from '../repository/repository.ts';
import type { DiffChange, DiffEntry, PathText, Problem, SnapshotId, TreeId } from '../types.ts';
import { findFolder, findNode, knowBlob, walkTree } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

export interface DiffOptions {
  /** Compare only below this folder; default '/'. It need not exist in both. */
  path?: PathText;
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
  const [before, after] = await Promise.all([folderOf(repo, a, path, options), folderOf(repo, b, path, options)]);
  // Neither throws what says where the path is missing.
  if (!before && !after)
    await findFolder(repo, (await loadSnapshot(repo, b, options.signal)).tree, path, options.signal);
  yield* diffTrees(repo, before, after, path, options);
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
  } catch {
    // Not in this snapshot: everything below it was added or removed.
    return undefined;
  }
}

async function nodesOf(
  repo: Repository,
  tree: TreeId | undefined,
  path: PathText,
  options: DiffOptions,
): Promise<TreeNode[]> {
  if (!tree) return [];
  const blob = await repo.loadBlob('tree', tree, { signal: options.signal });
  const nodes = safeNodes(blob, ({ name, message }) =>
    options.onProblem?.({ path: name ? joinPathText(path, pathTextFromBytes(name)) : path, during: 'list', message }),
  );
  return Array.from(nodes).sort((x, y) => Buffer.compare(x.name, y.name));
}

async function* diffTrees(
  repo: Repository,
  a: TreeId | undefined,
  b: TreeId | undefined,
  path: PathText,
  options: DiffOptions,
): AsyncGenerator<DiffEntry> {
  if (a === b) return;
  const [before, after] = await Promise.all([nodesOf(repo, a, path, options), nodesOf(repo, b, path, options)]);
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const [old, now] = [before[i], after[j]];
    const order = !old ? 1 : !now ? -1 : Buffer.compare(old.name, now.name);
    const node = (order > 0 ? now : old) as TreeNode;
    const entryPath = joinPathText(path, pathTextFromBytes(node.name));
    if (order <= 0) i += 1;
    if (order >= 0) j += 1;
    if (order < 0) yield* wholeSide(repo, node, entryPath, 'removed', options);
    else if (order > 0) yield* wholeSide(repo, node, entryPath, 'added', options);
    else yield* diffNodes(repo, old as TreeNode, now as TreeNode, entryPath, options);
  }
}

async function* diffNodes(
  repo: Repository,
  old: TreeNode,
  now: TreeNode,
  path: PathText,
  options: DiffOptions,
): AsyncGenerator<DiffEntry> {
  const change = changeOf(old, now);
  if (change) yield { path, change, type: now.type, sizeBefore: sizeOf(old), sizeAfter: sizeOf(now) };
  const [before, after] = [old, now].map((node) => (node.type === 'dir' ? node.subtree : undefined));
  if (change !== 'type') yield* diffTrees(repo, before, after, path, options);
  else {
    if (before) yield* below(repo, before, path, 'removed', options);
    if (after) yield* below(repo, after, path, 'added', options);
  }
}

async function* wholeSide(
  repo: Repository,
  node: TreeNode,
  path: PathText,
  change: 'added' | 'removed',
  options: DiffOptions,
): AsyncGenerator<DiffEntry> {
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

function changeOf(old: TreeNode, now: TreeNode): DiffChange | undefined {
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
    JSON.stringify(old.extendedAttributes ?? []) === JSON.stringify(now.extendedAttributes ?? []);
  return same ? undefined : 'metadata';
}

function sameBytes(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return (a ?? Buffer.alloc(0)).equals(b ?? Buffer.alloc(0));
}
