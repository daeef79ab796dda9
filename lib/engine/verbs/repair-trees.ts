// Trees without what is missing from the repository. A tree that needs no change keeps its bytes and its id, and each tree
// is looked at once, however many folders and snapshots share it. Folders are walked with a stack of their own: a tree may
// be 5,000 levels deep; nodes are read one at a time, and a tree is held only while it is read.

import { hash } from 'node:crypto';
import { isAppError } from '#lib/errors.ts';
import { encodeNode, nameProblem, type TreeNode } from '../format/node.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import { iterateTree } from '../format/tree.ts';
import { plainLength } from '../repository/blob-index.ts';
import type { BlobSaver } from '../repository/blob-saver.ts';
import type { Repository } from '../repository/repository.ts';
import type { BlobId, PathText, TreeId } from '../types.ts';
import { treeFromNodeTexts } from '../walk/tree-text.ts';
import { stopIfAborted } from './repair-index-files.ts';
import type { RepairedPath } from './repair-snapshots.ts';

export interface TreeRepairOptions {
  signal: AbortSignal;
  onTree: () => void;
  onChange: (change: Omit<RepairedPath, 'snapshot'>) => void;
}

/** Trees loaded ahead: hides the latency of a remote store. */
const PREFETCH = 8;

const EMPTY_TREE = treeFromNodeTexts([]);

interface Frame {
  id: TreeId;
  path: PathText;
  /** Its folders. Names, not paths: there may be very many. */
  children: { id: TreeId; name: Buffer }[];
  next: number;
  /** Something in it besides its folders must change. */
  dirty: boolean;
}

/** What became of a tree: its new id; itself; undefined when it cannot be read. */
type Verdict = TreeId | undefined;

export class TreeRepair {
  readonly #repo: Repository;
  /** Undefined in a dry run: ids are found, nothing is stored. */
  readonly #saver: BlobSaver | undefined;
  readonly #options: TreeRepairOptions;
  /** Trees that are right as they are. */
  readonly #sound = new Set<TreeId>();
  readonly #replaced = new Map<TreeId, Verdict>();
  readonly #ahead = new Map<TreeId, Promise<Buffer>>();

  constructor(repo: Repository, saver: BlobSaver | undefined, options: TreeRepairOptions) {
    this.#repo = repo;
    this.#saver = saver;
    this.#options = options;
  }

  /** Trees looked at so far. */
  get count(): number {
    return this.#sound.size + this.#replaced.size;
  }

  /** The id of the tree as it should be; undefined when the tree itself cannot be read. */
  async repair(root: TreeId): Promise<Verdict> {
    if (this.#known(root)) return this.#verdict(root);
    const stack: Frame[] = [];
    await this.#enter(root, '/', stack);
    while (stack.length > 0) {
      const frame = stack.at(-1) as Frame;
      const child = frame.children[frame.next];
      if (child) {
        this.#prefetch(frame);
        frame.next += 1;
        if (!this.#known(child.id)) await this.#enter(child.id, pathIn(frame.path, child.name), stack);
        continue;
      }
      stack.pop();
      await this.#leave(frame);
    }
    return this.#verdict(root);
  }

  #known(id: TreeId): boolean {
    return this.#sound.has(id) || this.#replaced.has(id);
  }

  #verdict(id: TreeId): Verdict {
    return this.#sound.has(id) ? id : this.#replaced.get(id);
  }

  #load(id: TreeId): Promise<Buffer> {
    const loading = this.#ahead.get(id) ?? this.#repo.loadBlob('tree', id, this.#options);
    this.#ahead.delete(id);
    return loading;
  }

  #prefetch(frame: Frame): void {
    for (let i = frame.next; i < frame.children.length && this.#ahead.size < PREFETCH; i++) {
      const id = frame.children[i]?.id as TreeId;
      if (this.#ahead.has(id) || this.#known(id)) continue;
      const loading = this.#repo.loadBlob('tree', id, this.#options);
      // Whoever takes it sees the failure; when the walk ends before, nobody has to.
      loading.catch(() => {});
      this.#ahead.set(id, loading);
    }
  }

  async #enter(id: TreeId, path: PathText, stack: Frame[]): Promise<void> {
    stopIfAborted(this.#options.signal);
    this.#options.onTree();
    const frame: Frame = { id, path, children: [], next: 0, dirty: false };
    try {
      let previous: Buffer | undefined;
      for (const node of iterateTree(await this.#load(id))) {
        if (previous && Buffer.compare(previous, node.name) >= 0) frame.dirty = true;
        previous = node.name;
        if (this.#repairNode(node) !== node) frame.dirty = true;
        if (node.type === 'dir' && node.subtree) frame.children.push({ id: node.subtree, name: node.name });
      }
    } catch (error) {
      if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
      const message = `The folder ${path} cannot be read: ${error.message}`;
      this.#options.onChange({ kind: 'emptied-folder', path, message });
      this.#replaced.set(id, undefined);
      return;
    }
    stack.push(frame);
  }

  /** Everything below is known by now. */
  async #leave({ id, path, children, dirty }: Frame): Promise<void> {
    if (!dirty && !children.some((child) => this.#replaced.has(child.id))) {
      this.#sound.add(id);
      return;
    }
    // Loaded again: few trees need a change, and none is held while those below it are read.
    const tree = treeFromNodeTexts(await this.#repairedNodes(await this.#load(id), path));
    const replacement = hash('sha256', tree, 'hex') as TreeId;
    await this.#saver?.save('tree', replacement, tree);
    this.#replaced.set(id, replacement);
  }

  async #repairedNodes(blob: Buffer, path: PathText): Promise<string[]> {
    const nodes: { name: Buffer; text: string }[] = [];
    const names = new Set<string>();
    let sorted = true;
    for (const node of iterateTree(blob)) {
      const key = node.name.toString('latin1');
      const repaired = names.has(key) ? undefined : this.#repairNode(node, path);
      if (names.has(key)) {
        const message = 'A second entry of the same name is left out.';
        this.#options.onChange({ kind: 'removed-entry', path: pathIn(path, node.name), message });
      }
      names.add(key);
      if (!repaired) continue;
      const previous = nodes.at(-1);
      if (previous && Buffer.compare(previous.name, node.name) > 0) sorted = false;
      nodes.push({ name: node.name, text: encodeNode(await this.#withFolder(repaired)) });
    }
    if (!sorted) {
      nodes.sort((a, b) => Buffer.compare(a.name, b.name));
      this.#options.onChange({ kind: 'sorted-folder', path, message: `The entries of ${path} are sorted by name.` });
    }
    return nodes.map(({ text }) => text);
  }

  async #withFolder(node: TreeNode): Promise<TreeNode> {
    if (node.type !== 'dir') return node;
    const subtree = node.subtree && this.#verdict(node.subtree);
    if (subtree) return subtree === node.subtree ? node : { ...node, subtree };
    const empty = hash('sha256', EMPTY_TREE, 'hex') as TreeId;
    await this.#saver?.save('tree', empty, EMPTY_TREE);
    return { ...node, subtree: empty };
  }

  /** The node as it should be, the same object when it is right; undefined when it is left out. Reports given its folder. */
  #repairNode(node: TreeNode, folder?: PathText): TreeNode | undefined {
    const say = (kind: RepairedPath['kind'], message: string) => {
      if (folder !== undefined) this.#options.onChange({ kind, path: pathIn(folder, node.name), message });
    };
    const problem = nameProblem(node.name);
    if (problem) {
      say('removed-entry', `An entry whose name ${problem} is left out: it can never be restored.`);
      return undefined;
    }
    if (node.type === 'irregular') {
      say('removed-entry', 'An entry of unknown type is left out.');
      return undefined;
    }
    if (node.type === 'dir' && !node.subtree) {
      say('emptied-folder', 'The folder has no tree; it becomes an empty one.');
      return { ...node };
    }
    return node.type === 'file' ? this.#repairFile(node, say) : node;
  }

  #repairFile(node: TreeNode, say: (kind: RepairedPath['kind'], message: string) => void): TreeNode {
    const content: BlobId[] = [];
    let size = 0;
    for (const id of node.content ?? []) {
      const place = this.#repo.lookup('data', id);
      if (!place) continue;
      content.push(id);
      size += plainLength(place);
    }
    const missing = (node.content?.length ?? 0) - content.length;
    if (node.content && missing === 0 && size === (node.size ?? 0)) return node;
    const sizes = `${size} bytes of ${node.size ?? 0} are left`;
    if (missing > 0) say('shortened-file', `${missing} of its ${node.content?.length} blobs are missing; ${sizes}.`);
    else if (!node.content) say('shortened-file', `Its list of contents is missing; ${sizes}.`);
    else say('corrected-size', `It was recorded with ${node.size ?? 0} bytes, its content has ${size}.`);
    return { ...node, content, size };
  }
}

function pathIn(folder: PathText, name: Buffer): PathText {
  return joinPathText(folder, pathTextFromBytes(name));
}
