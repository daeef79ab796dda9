// Searching snapshots for names.

import { matchesGlob } from 'node:path';
import type { Repository } from '../repository/repository.ts';
import type { Entry, Snapshot, TreeId } from '../types.ts';
import { entryOf, type WalkOptions, walkTree } from './ls-walk.ts';

export interface FoundEntry {
  snapshot: Snapshot;
  entry: Entry;
}

export interface FindOptions extends Pick<WalkOptions, 'onProblem' | 'signal'> {
  ignoreCase?: boolean;
}

/**
 * Whether an entry fits a pattern, as restic's include and find patterns do: one with a slash at its start names the
 * whole path, others the last components of it. '*' and '?' stay inside a component, '**' does not.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  if (pattern.startsWith('/')) return matchesGlob(path, pattern);
  return matchesGlob(path, `/${pattern}`) || matchesGlob(path, `/**/${pattern}`);
}

/** Entries of each snapshot that fit any of the patterns. */
export async function* findEntries(
  repo: Repository,
  snapshots: readonly Snapshot[],
  patterns: readonly string[],
  options: FindOptions = {},
): AsyncGenerator<FoundEntry> {
  const fold = (text: string) => (options.ignoreCase ? text.toLowerCase() : text);
  const wanted = patterns.map(fold);
  for (const snapshot of snapshots) {
    for await (const { node, path } of walkTree(repo, snapshot.tree as TreeId, options)) {
      if (wanted.some((pattern) => matchesPattern(fold(path), pattern))) yield { snapshot, entry: entryOf(node, path) };
    }
  }
}
