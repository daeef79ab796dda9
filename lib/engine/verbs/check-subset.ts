// Which packs a check reads when it does not read all: reading everything every night costs too much, a part of it each
// time finds damage before long.

import { randomInt } from 'node:crypto';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import { iterateTree } from '../format/tree.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { Snapshot, TreeId } from '../types.ts';

export type ReadDataSubset =
  /** The same packs for the same numbers: 1 of 7 on Monday, 2 of 7 on Tuesday. */
  | { kind: 'part'; part: number; of: number }
  /** A random choice of this many in a hundred, or of about this many bytes. */
  | { kind: 'share'; percent: number }
  | { kind: 'bytes'; bytes: number }
  /** Everything that the newest snapshots use. */
  | { kind: 'newest'; snapshots: number };

/** The first byte of an id decides, so that there are no more parts than values of it. */
const MAX_PARTS = 256;
const UNITS: Record<string, number> = { k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 2 ** 40 };

/** "2/7", "2.5%" or "500M", as restic has it. Throws 'invalid-input'. */
export function parseSubset(text: string): ReadDataSubset {
  const part = /^(\d{1,3})\/(\d{1,3})$/.exec(text);
  if (part) {
    const [n, t] = [Number(part[1]), Number(part[2])];
    if (n >= 1 && n <= t && t <= MAX_PARTS) return { kind: 'part', part: n, of: t };
  }
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (share && Number(share[1]) > 0 && Number(share[1]) <= 100) return { kind: 'share', percent: Number(share[1]) };
  const size = /^(\d+)([kmgt]?)$/i.exec(text);
  if (size && Number(size[1]) > 0) {
    return { kind: 'bytes', bytes: Number(size[1]) * (UNITS[size[2]?.toLowerCase() ?? ''] ?? 1) };
  }
  throw new AppError('invalid-input', {
    message: `"${text}" is no part of the data.`,
    hint: `Give n/t with t up to ${MAX_PARTS} (2/7), a share (2.5%), or a size (500M).`,
  });
}

/** `packs`: sizes of all packs that could be read. `snapshots` in any order. */
export async function choosePacks(
  repo: Repository,
  subset: ReadDataSubset,
  packs: ReadonlyMap<string, number>,
  snapshots: readonly Snapshot[],
  options: { signal?: AbortSignal },
): Promise<Set<string>> {
  switch (subset.kind) {
    case 'part':
      return new Set(
        [...packs.keys()].filter((id) => Number.parseInt(id.slice(0, 2), 16) % subset.of === subset.part - 1),
      );
    case 'share':
      return randomPacks([...packs.keys()], subset.percent / 100);
    case 'bytes': {
      const all = [...packs.values()].reduce((sum, size) => sum + size, 0);
      return randomPacks([...packs.keys()], Math.min(1, subset.bytes / Math.max(1, all)));
    }
    case 'newest': {
      const newest = snapshots.toSorted((a, b) => Date.parse(b.time) - Date.parse(a.time)).slice(0, subset.snapshots);
      return packsOf(repo, newest, options);
    }
  }
}

/** At least one: a share that reads nothing would prove nothing. */
function randomPacks(ids: string[], share: number): Set<string> {
  const count = Math.min(ids.length, Math.max(1, Math.floor(ids.length * share)));
  for (let i = 0; i < count; i++) {
    const other = randomInt(i, ids.length);
    [ids[i], ids[other]] = [ids[other] as string, ids[i] as string];
  }
  return new Set(ids.slice(0, count));
}

/** Trees that cannot be read are left to the check of the trees. */
async function packsOf(
  repo: Repository,
  snapshots: readonly Snapshot[],
  options: { signal?: AbortSignal },
): Promise<Set<string>> {
  const packs = new Set<string>();
  const seen = new Set<TreeId>();
  const stack = snapshots.map(({ tree }) => tree);
  const use = (type: 'data' | 'tree', id: string) => {
    for (const { pack } of repo.index.lookupAll(type, id)) packs.add(pack);
  };
  while (stack.length > 0) {
    throwIfCancelled(options.signal);
    const batch = stack.splice(-64).filter((id) => !seen.has(id));
    await inParallel([...new Set(batch)], repo.store.connections, async (id) => {
      seen.add(id);
      use('tree', id);
      try {
        for (const node of iterateTree(await repo.loadBlob('tree', id, options))) {
          for (const blob of node.content ?? []) use('data', blob);
          if (node.type === 'dir' && node.subtree && !seen.has(node.subtree)) stack.push(node.subtree);
        }
      } catch (error) {
        if (!isAppError(error, 'repository-damaged')) throw error;
      }
    });
  }
  return packs;
}
