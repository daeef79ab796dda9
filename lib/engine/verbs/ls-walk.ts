// Walking the trees of a snapshot, shared by every verb that reads one.

import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import type { TreeNode } from '../format/node.ts';
import type { BlobType } from '../format/pack.ts';
import { joinPathText, pathTextFromBytes, splitPathText } from '../format/path-text.ts';
import { iterateTree, safeNodes } from '../format/tree.ts';
import type { Repository } from '../repository/repository.ts';
import type { Entry, PathText, Problem, TreeId } from '../types.ts';

export interface WalkedNode {
  node: TreeNode;
  /** From '/', inside the snapshot. */
  path: PathText;
}

export interface WalkOptions {
  /** Path of the tree the walk starts with; default '/'. */
  path?: PathText;
  /** Says whether to go into a folder; default always. */
  enter?: (walked: WalkedNode) => boolean;
  /** Says whether a folder's tree is worth loading before `enter` was asked; default always. */
  loadAhead?: (tree: TreeId) => boolean;
  /** Told about trees that cannot be read and entries that are left out. Without it a bad tree is an error. */
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
}

/** Nodes decoded ahead of the one in hand: enough to find the folders to load early, few enough to hold. */
const CHUNK = 256;
/** Trees being loaded ahead: hides the latency of a remote store. */
const PREFETCH = 8;

interface Frame {
  path: PathText;
  nodes: Iterator<TreeNode>;
  chunk: TreeNode[];
  at: number;
}

/** Every entry below a tree, each folder just before its content. Hostile names never come out of it. */
export async function* walkTree(repo: Repository, tree: TreeId, options: WalkOptions = {}): AsyncGenerator<WalkedNode> {
  await knowBlob(repo, 'tree', tree, options.signal);
  const ahead = new Map<TreeId, Promise<Buffer>>();
  const load = (id: TreeId) => {
    const loading = ahead.get(id) ?? repo.loadBlob('tree', id, { signal: options.signal });
    ahead.delete(id);
    return loading;
  };
  const prefetch = (frame: Frame) => {
    for (let i = frame.at; i < frame.chunk.length && ahead.size < PREFETCH; i++) {
      const id = frame.chunk[i]?.subtree;
      if (!id || ahead.has(id) || options.loadAhead?.(id) === false) continue;
      const loading = repo.loadBlob('tree', id, { signal: options.signal });
      // Whoever takes it sees the failure; when the walk ends before, nobody has to.
      loading.catch(() => {});
      ahead.set(id, loading);
    }
  };
  const problemIn = (path: PathText) => (name: Buffer | undefined, message: string) =>
    options.onProblem?.({
      path: name ? joinPathText(path, pathTextFromBytes(name)) : path,
      during: 'list',
      message,
    });
  const open = (blob: Buffer, path: PathText): Frame => {
    const report = problemIn(path);
    return { path, nodes: safeNodes(blob, ({ name, message }) => report(name, message)), chunk: [], at: 0 };
  };

  const rootPath = options.path ?? '/';
  const stack: Frame[] = [];
  const enter = async (id: TreeId, path: PathText) => {
    try {
      stack.push(open(await load(id), path));
    } catch (error) {
      if (!options.onProblem || isAppError(error, 'cancelled')) throw error;
      options.onProblem({ path, during: 'list', message: (error as Error).message });
    }
  };
  await enter(tree, rootPath);
  while (stack.length > 0) {
    const frame = stack.at(-1) as Frame;
    if (frame.at === frame.chunk.length) {
      throwIfCancelled(options.signal);
      if (!refill(frame, problemIn(frame.path), options.onProblem !== undefined)) {
        stack.pop();
        continue;
      }
    }
    prefetch(frame);
    const node = frame.chunk[frame.at++] as TreeNode;
    const walked = { node, path: joinPathText(frame.path, pathTextFromBytes(node.name)) };
    yield walked;
    if (node.type !== 'dir' || options.enter?.(walked) === false) continue;
    if (node.subtree) await enter(node.subtree, walked.path);
    else problemIn(walked.path)(undefined, 'The folder has no tree in the snapshot.');
  }
}

function refill(frame: Frame, report: (name: undefined, message: string) => void, lenient: boolean): boolean {
  frame.chunk = [];
  frame.at = 0;
  try {
    while (frame.chunk.length < CHUNK) {
      const { value, done } = frame.nodes.next();
      if (done) break;
      frame.chunk.push(value);
    }
  } catch (error) {
    if (!lenient) throw error;
    report(undefined, (error as Error).message);
  }
  return frame.chunk.length > 0;
}

/** Loads the index when it does not know the blob yet: before the first look-up, and after others have written. */
export async function knowBlob(repo: Repository, type: BlobType, id: string, signal?: AbortSignal): Promise<void> {
  if (!repo.lookup(type, id)) await repo.loadIndex({ signal });
}

/** The node at a path, or undefined for '/', which has none. Throws 'not-found' naming the part that is missing. */
export async function findNode(
  repo: Repository,
  tree: TreeId,
  path: PathText,
  signal?: AbortSignal,
): Promise<TreeNode | undefined> {
  let node: TreeNode | undefined;
  let reached = '';
  await knowBlob(repo, 'tree', tree, signal);
  for (const name of splitPathText(path)) {
    if (node && node.type !== 'dir') {
      throw new AppError('not-found', `"${reached}" is not a folder in the snapshot, so "${path}" is not in it.`);
    }
    const blob = await repo.loadBlob('tree', node?.subtree ?? tree, { signal });
    reached += `/${pathTextFromBytes(name)}`;
    node = undefined;
    for (const candidate of iterateTree(blob)) {
      if (!candidate.name.equals(name)) continue;
      node = candidate;
      break;
    }
    if (!node) throw new AppError('not-found', `"${reached}" is not in the snapshot.`);
  }
  return node;
}

/** The tree of a folder given by path. */
export async function findFolder(
  repo: Repository,
  tree: TreeId,
  path: PathText,
  signal?: AbortSignal,
): Promise<TreeId> {
  const node = await findNode(repo, tree, path, signal);
  if (!node) return tree;
  if (node.type !== 'dir' || !node.subtree)
    throw new AppError('not-found', `"${path}" is not a folder in the snapshot.`);
  return node.subtree;
}

export function entryOf(node: TreeNode, path: PathText): Entry {
  return {
    name: pathTextFromBytes(node.name),
    path,
    type: node.type,
    size: node.type === 'file' ? (node.size ?? 0) : 0,
    mode: node.mode,
    mtime: node.mtime,
    uid: node.uid,
    gid: node.gid,
    user: node.user,
    group: node.group,
    linkTarget: node.linkTarget && pathTextFromBytes(node.linkTarget),
    links: node.links,
  };
}
