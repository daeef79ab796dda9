// Why a prune refuses: needed data is missing. People know files, not blobs, so the files are looked up: slowly, but this is
// the end of the work.

import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import { iterateTree } from '../format/tree.ts';
import type { Repository } from '../repository/repository.ts';
import type { PathText, Snapshot, TreeId } from '../types.ts';
import type { UnusablePacks } from './prune-plan.ts';
import type { MissingBlob, Usage } from './prune-usage.ts';

/** Enough to see what is wrong. */
const NAMED_FILES = 5;

interface Need {
  path: PathText;
  snapshot: string;
}

/** Blobs that are in no index, or trees that cannot be read. */
export async function missingBlobs(
  repo: Repository,
  snapshots: readonly Snapshot[],
  missing: readonly MissingBlob[],
  signal?: AbortSignal,
): Promise<AppError> {
  const needs = await whoNeeds(repo, snapshots, missing, signal);
  const [first] = missing as [MissingBlob];
  const what = first.damage ?? `The ${first.type} blob ${first.id} is in no index.`;
  return new AppError('repository-damaged', {
    message: `The repository at ${repo.store.location} lacks data its snapshots need; nothing was pruned. ${what}${namesOf(needs)}`,
    hint: 'Run "check" to see all of it. When only the index is wrong, "repair index" finds the data again; back up what is still there on this machine; forget the snapshots that stay broken, then prune.',
  });
}

/** Packs that are not there or have the wrong size. */
export async function missingPacks(
  repo: Repository,
  snapshots: readonly Snapshot[],
  { packs, entries }: UnusablePacks,
  { index }: Usage,
  signal?: AbortSignal,
): Promise<AppError> {
  const lost = entries.slice(0, 1000).map((entry) => ({ type: index.typeOf(entry), id: index.idOf(entry) }));
  const needs = await whoNeeds(repo, snapshots, lost, signal);
  const described = packs.slice(0, NAMED_FILES).map(({ pack, actualBytes, expectedBytes }) => {
    const id = repo.index.packId(pack);
    return actualBytes === undefined
      ? `pack ${id} is missing`
      : `pack ${id} has ${actualBytes} bytes instead of ${expectedBytes}`;
  });
  const more = packs.length > described.length ? `, and ${packs.length - described.length} more` : '';
  return new AppError('repository-damaged', {
    message: `The repository at ${repo.store.location} lacks data its snapshots need; nothing was pruned: ${described.join(', ')}${more}.${namesOf(needs)}`,
    hint: 'Bring the files back if you can. Otherwise run "repair index", then "repair snapshots" or a new backup, and prune again.',
  });
}

function namesOf(needs: readonly Need[]): string {
  if (needs.length === 0) return '';
  const names = needs.map(({ path, snapshot }) => `${path} (snapshot ${snapshot.slice(0, 8)})`);
  return ` It is needed by ${names.join(', ')}.`;
}

/** Some files and folders that need one of these blobs, newest snapshots first. */
async function whoNeeds(
  repo: Repository,
  snapshots: readonly Snapshot[],
  blobs: readonly { type: string; id: string }[],
  signal: AbortSignal | undefined,
): Promise<Need[]> {
  const wanted = new Set(blobs.map(({ type, id }) => `${type} ${id}`));
  const needs: Need[] = [];
  const seen = new Set<string>();
  for (const { id: snapshot, tree } of snapshots.toReversed()) {
    const pending: { tree: TreeId; path: PathText }[] = [{ tree, path: '/' }];
    for (let folder = pending.pop(); folder; folder = pending.pop()) {
      throwIfCancelled(signal);
      if (needs.length >= NAMED_FILES) return needs;
      if (wanted.has(`tree ${folder.tree}`)) needs.push({ path: folder.path, snapshot });
      if (seen.has(folder.tree)) continue;
      seen.add(folder.tree);
      try {
        const blob = await repo.loadBlob('tree', folder.tree, { signal });
        for (const { name, content, subtree } of iterateTree(blob)) {
          const path = joinPathText(folder.path, pathTextFromBytes(name));
          if (subtree) pending.push({ tree: subtree, path });
          const needed = content?.some((id) => wanted.has(`data ${id}`));
          if (needed && needs.length < NAMED_FILES) needs.push({ path, snapshot });
        }
      } catch (error) {
        // It is itself part of what is missing.
        if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
      }
    }
  }
  return needs;
}
