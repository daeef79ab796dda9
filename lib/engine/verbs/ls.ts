// Listing folders of a snapshot: recursively for the command line, in pages for screens. A page of a folder of 100,000
// entries must not cost decoding that folder again, so decoded folders are kept, by tree id, up to a number of bytes.

import { throwIfCancelled } from '#lib/errors.ts';
import type { TreeNode } from '../format/node.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import { parseTime } from '../format/time.ts';
import { safeNodes } from '../format/tree.ts';
import type { Repository } from '../repository/repository.ts';
import type { Entry, PathText, SnapshotId, TreeId } from '../types.ts';
import { entryOf, findFolder, knowBlob, type WalkOptions, walkTree } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

/** Every entry of a snapshot below `path`, each folder before its content. */
export async function* listAll(
  repo: Repository,
  tree: TreeId,
  options: Omit<WalkOptions, 'enter'> = {},
): AsyncGenerator<Entry> {
  const folder = await findFolder(repo, tree, options.path ?? '/', options.signal);
  for await (const { node, path } of walkTree(repo, folder, options)) yield entryOf(node, path);
}

export interface ListFolderOptions {
  /** Keeps entries whose name contains it, ignoring case. */
  search?: string;
  /** Folders come first in every order. Default 'name', in natural order: "file 9" before "file 10". */
  sort?: 'name' | 'size' | 'mtime';
  order?: 'asc' | 'desc';
  offset?: number;
  /** Default 200. */
  limit?: number;
  signal?: AbortSignal;
}

export interface FolderPage {
  path: PathText;
  entries: Entry[];
  /** Entries of the folder. */
  total: number;
  /** Entries that the search keeps. */
  matching: number;
  /** Offset of the next page, when there is one. */
  next?: number;
  /** Entries left out because of hostile names, duplicates or damage, with the reason. */
  problems: string[];
}

interface Folder {
  nodes: ListedNode[];
  problems: string[];
  /** The nodes in each order asked for so far. */
  orders: Map<string, ListedNode[]>;
  /** Estimate of the memory held. */
  bytes: number;
}

/** What a list shows of a node; contents and the like are dropped, which is most of a node. */
interface ListedNode {
  name: PathText;
  search: string;
  entry: Omit<Entry, 'name' | 'path'>;
}

const CACHE_BYTES = 96 << 20;
/** Measured for 100,000 short names: about 450 bytes an entry, and 8 for each further order. */
const BYTES_PER_NODE = 450;
/** The decoder gives the event loop a turn after so many nodes, about 5 ms. */
const NODES_PER_TURN = 2000;

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'variant' });

class FolderCache {
  readonly #folders = new Map<TreeId, Promise<Folder>>();
  #bytes = 0;

  /** One decoding, however many ask at once. A failure is not kept. */
  get(tree: TreeId, load: () => Promise<Folder>): Promise<Folder> {
    const known = this.#folders.get(tree);
    if (known) {
      this.#folders.delete(tree);
      this.#folders.set(tree, known);
      return known;
    }
    const loading = load();
    this.#folders.set(tree, loading);
    loading.then(
      (folder) => {
        this.#bytes += folder.bytes;
        this.#shrink(tree);
      },
      () => this.#folders.delete(tree),
    );
    return loading;
  }

  #shrink(keep: TreeId): void {
    for (const [tree, loading] of this.#folders) {
      if (this.#bytes <= CACHE_BYTES) return;
      if (tree === keep) continue;
      this.#folders.delete(tree);
      loading.then(
        (folder) => {
          this.#bytes -= folder.bytes;
        },
        () => {},
      );
    }
  }
}

// Trees are immutable and named by their content, so one cache serves every repository of the process.
const cache = new FolderCache();

/** One page of a folder. The first page of a folder decodes it (0.5 s for 100,000 entries), further ones take a few ms. */
export async function listFolder(
  repo: Repository,
  snapshot: SnapshotId | { tree: TreeId },
  path: PathText,
  options: ListFolderOptions = {},
): Promise<FolderPage> {
  const { signal, offset = 0, limit = 200 } = options;
  const root = typeof snapshot === 'string' ? (await loadSnapshot(repo, snapshot, signal)).tree : snapshot.tree;
  const tree = await findFolder(repo, root, path, signal);
  // Not with this caller's signal: others may be waiting for the same folder.
  const folder = await cache.get(tree, () => readFolder(repo, tree));
  throwIfCancelled(signal);
  const ordered = inOrder(folder, options.sort ?? 'name', options.order ?? 'asc');
  const wanted = options.search?.toLowerCase();
  const matching = wanted ? ordered.filter((node) => node.search.includes(wanted)) : ordered;
  const entries = matching.slice(offset, offset + limit).map((node) => ({
    name: node.name,
    path: joinPathText(path === '' ? '/' : path, node.name),
    ...node.entry,
  }));
  return {
    path,
    entries,
    total: folder.nodes.length,
    matching: matching.length,
    next: offset + entries.length < matching.length ? offset + entries.length : undefined,
    problems: folder.problems,
  };
}

async function readFolder(repo: Repository, tree: TreeId): Promise<Folder> {
  await knowBlob(repo, 'tree', tree);
  const blob = await repo.loadBlob('tree', tree);
  const problems: string[] = [];
  const report = (name: Buffer | undefined, message: string) => {
    if (problems.length < 100) problems.push(name ? `"${pathTextFromBytes(name)}": ${message}` : message);
  };
  const nodes: ListedNode[] = [];
  for (const node of safeNodes(blob, ({ name, message }) => report(name, message))) {
    nodes.push(listed(node));
    if (nodes.length % NODES_PER_TURN === 0) await new Promise(setImmediate);
  }
  return { nodes, problems, orders: new Map(), bytes: 1000 + nodes.length * BYTES_PER_NODE };
}

function listed(node: TreeNode): ListedNode {
  const { name, path: _, ...entry } = entryOf(node, '');
  return { name, search: name.toLowerCase(), entry };
}

function inOrder(folder: Folder, sort: 'name' | 'size' | 'mtime', order: 'asc' | 'desc'): ListedNode[] {
  const key = `${sort} ${order}`;
  const known = folder.orders.get(key);
  if (known) return known;
  const byName = (a: ListedNode, b: ListedNode) => collator.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
  const sign = order === 'asc' ? 1 : -1;
  // A time of each node once, not at every comparison.
  const times = sort === 'mtime' ? new Map(folder.nodes.map((node) => [node, timeOf(node.entry.mtime)])) : undefined;
  const compare = (a: ListedNode, b: ListedNode): number => {
    const folders = Number(b.entry.type === 'dir') - Number(a.entry.type === 'dir');
    if (folders !== 0) return folders;
    if (times) {
      const [at, bt] = [times.get(a) as bigint, times.get(b) as bigint];
      if (at !== bt) return at < bt ? -sign : sign;
    } else if (sort === 'size' && a.entry.size !== b.entry.size) return sign * (a.entry.size - b.entry.size);
    return sort === 'name' ? sign * byName(a, b) : byName(a, b);
  };
  const ordered = folder.nodes.toSorted(compare);
  folder.orders.set(key, ordered);
  return ordered;
}

/** A damaged time must not make a folder unreadable; it sorts first. */
function timeOf(text: string): bigint {
  try {
    return parseTime(text);
  } catch {
    return 0n;
  }
}
