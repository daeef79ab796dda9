// A walk for verbs that sum up or search: each folder has a state of its own, is entered only when the verb wants it, and
// is left with its state. So a verb can remember what a tree amounts to and pass it by when it comes again, which makes
// the second snapshot of a folder cheap, and a bomb of shared subtrees harmless.

import type { Repository } from '../repository/repository.ts';
import type { TreeId } from '../types.ts';
import { type WalkedNode, type WalkOptions, walkTree } from './ls-walk.ts';

export interface FolderStep<State> extends WalkedNode {
  /** State of the folder the entry is in. */
  state: State;
  /** Set by the reader, for a folder that is to be entered. */
  into?: State;
}

export interface FolderWalkOptions<State> extends Omit<WalkOptions, 'enter'> {
  /** A folder and all below it is done. `parent` is undefined for the root. */
  leave?: (tree: TreeId, state: State, parent: State | undefined) => void;
}

export async function* walkFolders<State>(
  repo: Repository,
  root: TreeId,
  rootState: State,
  { leave, ...options }: FolderWalkOptions<State>,
): AsyncGenerator<FolderStep<State>> {
  const stack = [{ prefix: options.path === '/' ? '' : (options.path ?? ''), tree: root, state: rootState }];
  const leaveLast = () => {
    const done = stack.pop();
    if (done) leave?.(done.tree, done.state, stack.at(-1)?.state);
  };
  let wanted = false;
  for await (const { node, path } of walkTree(repo, root, { ...options, enter: () => wanted })) {
    // A folder's entries come right after it, so the first path that is not below it ends it.
    while (stack.length > 1 && !isBelow(path, stack.at(-1)?.prefix as string)) leaveLast();
    const step: FolderStep<State> = { node, path, state: stack.at(-1)?.state as State };
    yield step;
    wanted = step.into !== undefined && node.type === 'dir' && node.subtree !== undefined;
    if (wanted) stack.push({ prefix: path, tree: node.subtree as TreeId, state: step.into as State });
  }
  while (stack.length > 0) leaveLast();
}

function isBelow(path: string, folder: string): boolean {
  return path.length > folder.length && path[folder.length] === '/' && path.startsWith(folder);
}
