// Searching snapshots: for names, and for the blobs, trees and packs that troubles are told by. A tree in which nothing was
// found is remembered and passed by when it comes again, in this snapshot or the next: hundreds of snapshots of the same
// folders cost little more than one.

import { matchesGlob } from 'node:path';
import { AppError } from '#lib/errors.ts';
import type { TreeNode } from '../format/node.ts';
import { parseTime } from '../format/time.ts';
import { IdTable } from '../repository/id-table.ts';
import type { Repository } from '../repository/repository.ts';
import type { Entry, PathText, Snapshot, TreeId } from '../types.ts';
import { findPackBlobs } from './find-packs.ts';
import { PatternMatcher } from './find-pattern.ts';
import { walkFolders } from './find-walk.ts';
import { entryOf, type WalkOptions } from './ls-walk.ts';

export interface FoundEntry {
  snapshot: Snapshot;
  entry: Entry;
  /** All that is known of the entry. */
  node: TreeNode;
}

type SearchOptions = Pick<WalkOptions, 'onProblem' | 'signal'>;

export interface FindOptions extends SearchOptions {
  ignoreCase?: boolean;
  /** Only entries modified at this time or later. */
  oldest?: Date;
  /** Only entries modified at this time or before. */
  newest?: Date;
}

/**
 * Whether an entry fits a pattern, as restic's include patterns do: one with a slash at its start names the
 * whole path, others the last components of it. '*' and '?' stay inside a component, '**' does not.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  if (pattern.startsWith('/')) return matchesGlob(path, pattern);
  return matchesGlob(path, `/${pattern}`) || matchesGlob(path, `/**/${pattern}`);
}

/** Trees in which nothing was found, for each state in which a search can enter them. */
class BarrenTrees {
  readonly #tables = new Map<string, IdTable>();

  has(key: string, tree: TreeId): boolean {
    return this.#tables.get(key)?.has(tree) === true;
  }

  /** In any state: most searches know only one. */
  hasAny(tree: TreeId): boolean {
    for (const table of this.#tables.values()) if (table.has(tree)) return true;
    return false;
  }

  add(key: string, tree: TreeId): void {
    let table = this.#tables.get(key);
    if (!table) {
      table = new IdTable();
      this.#tables.set(key, table);
    }
    table.add(tree);
  }
}

interface FolderSearch<Match> {
  match: Match;
  key: string;
  found: boolean;
}

/** Entries of each snapshot that fit any of the patterns (find-pattern.ts), snapshot by snapshot in the order given. */
export async function* findEntries(
  repo: Repository,
  snapshots: readonly Snapshot[],
  patterns: readonly string[],
  options: FindOptions = {},
): AsyncGenerator<FoundEntry> {
  const { onProblem, signal } = options;
  const matcher = new PatternMatcher(patterns, options);
  const inTime = timeFilter(options);
  const barren = new BarrenTrees();
  const folder = (match: typeof matcher.start) => ({ match, key: match.key, found: false });
  for (const snapshot of snapshots) {
    if (barren.has(matcher.start.key, snapshot.tree)) continue;
    const steps = walkFolders<FolderSearch<typeof matcher.start>>(repo, snapshot.tree, folder(matcher.start), {
      onProblem,
      signal,
      loadAhead: (tree) => !barren.hasAny(tree),
      leave: (tree, search, parent) => noteFound(barren, tree, search, parent),
    });
    for await (const step of steps) {
      const { node, path, state } = step;
      const match = matcher.step(state.match, node.name);
      if (match.matched && inTime(node)) {
        state.found = true;
        yield { snapshot, entry: entryOf(node, path), node };
      }
      if (node.subtree && !match.dead && !barren.has(match.key, node.subtree)) step.into = folder(match);
    }
  }
}

function noteFound<Match>(
  barren: BarrenTrees,
  tree: TreeId,
  search: FolderSearch<Match>,
  parent: FolderSearch<Match> | undefined,
): void {
  if (!search.found) barren.add(search.key, tree);
  else if (parent) parent.found = true;
}

function timeFilter({ oldest, newest }: FindOptions): (node: TreeNode) => boolean {
  if (!oldest && !newest) return () => true;
  const from = oldest && BigInt(oldest.getTime()) * 1_000_000n;
  const to = newest && BigInt(newest.getTime()) * 1_000_000n;
  return ({ mtime }) => {
    let time: bigint;
    try {
      time = parseTime(mtime);
    } catch {
      // A damaged time is neither old nor new.
      return false;
    }
    return (from === undefined || time >= from) && (to === undefined || time <= to);
  };
}

export interface FoundObject {
  type: 'blob' | 'tree';
  id: string;
  /** File that holds the blob, or folder that is the tree. */
  path: PathText;
  /** Tree with the file in it. */
  parentTree?: TreeId;
  snapshot: Snapshot;
}

/** What to look for: ids, or the first digits of them. */
export type ObjectQuery = { blobs: readonly string[] } | { trees: readonly string[] } | { packs: readonly string[] };

/**
 * Where blobs are used, trees are, or the blobs and trees of packs; every place of each snapshot. Throws 'not-found' for a pack
 * that neither the index nor the store knows.
 */
export async function* findObjects(
  repo: Repository,
  snapshots: readonly Snapshot[],
  query: ObjectQuery,
  options: SearchOptions = {},
): AsyncGenerator<FoundObject> {
  const wanted = await objectSets(repo, query, options.signal);
  const barren = new BarrenTrees();
  interface Search extends FolderSearch<undefined> {
    tree: TreeId;
  }
  const folder = (tree: TreeId, found: boolean): Search => ({ match: undefined, key: '', found, tree });
  for (const snapshot of snapshots) {
    const { tree } = snapshot;
    if (barren.has('', tree)) continue;
    const isRoot = wanted.trees(tree);
    if (isRoot) yield { type: 'tree', id: tree, path: '/', snapshot };
    const steps = walkFolders(repo, tree, folder(tree, isRoot), {
      ...options,
      loadAhead: (id) => !barren.hasAny(id),
      leave: (left: TreeId, search: Search, parent: Search | undefined) => noteFound(barren, left, search, parent),
    });
    for await (const step of steps) {
      const { node, path, state } = step;
      for (const id of new Set(node.content)) {
        if (!wanted.blobs(id)) continue;
        state.found = true;
        yield { type: 'blob', id, path, parentTree: state.tree, snapshot };
      }
      const { subtree } = node;
      if (!subtree) continue;
      const found = wanted.trees(subtree);
      if (found) {
        state.found = true;
        yield { type: 'tree', id: subtree, path, snapshot };
      }
      if (!barren.has('', subtree)) step.into = folder(subtree, found);
    }
  }
}

interface ObjectSets {
  blobs: (id: string) => boolean;
  trees: (id: string) => boolean;
}

async function objectSets(repo: Repository, query: ObjectQuery, signal: AbortSignal | undefined): Promise<ObjectSets> {
  const none = () => false;
  if ('packs' in query) {
    const { data, trees } = await findPackBlobs(repo, query.packs.map(idPrefix), signal);
    return { blobs: (id) => data.has(id), trees: (id) => trees.has(id) };
  }
  const prefixes = ('blobs' in query ? query.blobs : query.trees).map(idPrefix);
  const fits = (id: string) => prefixes.some((prefix) => id.startsWith(prefix));
  return 'blobs' in query ? { blobs: fits, trees: none } : { blobs: none, trees: fits };
}

function idPrefix(text: string): string {
  const prefix = text.toLowerCase();
  if (/^[0-9a-f]{1,64}$/.test(prefix)) return prefix;
  throw new AppError('invalid-input', {
    message: `"${text}" is not an id.`,
    hint: 'Give an id or its first digits: 0 to 9 and a to f.',
  });
}
