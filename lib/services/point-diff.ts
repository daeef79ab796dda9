// What changed between two recovery points, for the compare screen. Snapshots never change, so a comparison is made once and its
// pages are cut from memory.

import type { z } from 'zod';
import type { Actor } from '#lib/contracts/access.ts';
import type { DiffView, diffQuery, RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import type { SnapshotId } from '#lib/engine/types.ts';
import { diffSnapshots } from '#lib/engine/verbs/diff.ts';
import { AppError } from '#lib/errors.ts';
import { readVault } from './open-vault.ts';
import { requirePermission } from './permission.ts';
import { existingPoint } from './recovery-points.ts';

type Comparison = Pick<DiffView, 'totals' | 'truncated' | 'changes' | 'problems'>;

/** More than anyone reads; a comparison of unrelated trees must not fill the memory. */
const MAX_CHANGES = 100_000;
/** As many as browsing names. */
const MAX_PROBLEMS = 100;
/** Some 20 MB each at the very most. */
const MAX_REMEMBERED = 4;

const remembered = new Map<string, Promise<Comparison>>();

/** From the point `query.with` to the point `id`. Both must be in one vault. */
export async function diffPoints(
  actor: Actor,
  id: string,
  query: z.infer<typeof diffQuery>,
  signal?: AbortSignal,
): Promise<DiffView> {
  requirePermission(actor, 'recovery-point:browse');
  const [from, to] = await Promise.all([existingPoint(query.with), existingPoint(id)]);
  if (from.vault.id !== to.vault.id) {
    throw new AppError('unsupported', {
      message: 'The two recovery points are in different vaults.',
      hint: 'Compare points of one vault.',
    });
  }
  const { totals, truncated, changes, problems } = await compared(from, to);
  signal?.throwIfAborted();
  return { from, to, totals, truncated, problems, changes: changes.slice(query.offset, query.offset + query.limit) };
}

/** Not with one caller's signal: others may wait for the same comparison. */
function compared(from: RecoveryPointView, to: RecoveryPointView): Promise<Comparison> {
  const key = `${from.id} ${to.id}`;
  const known = remembered.get(key);
  remembered.delete(key);
  const comparison = known ?? compare(from, to);
  remembered.set(key, comparison);
  comparison.catch(() => remembered.delete(key));
  for (const oldest of remembered.keys()) {
    if (remembered.size <= MAX_REMEMBERED) break;
    remembered.delete(oldest);
  }
  return comparison;
}

async function compare(from: RecoveryPointView, to: RecoveryPointView): Promise<Comparison> {
  return readVault(to.vault.id, async ({ repository }) => {
    const changes: Comparison['changes'] = [];
    const totals = { added: 0, removed: 0, modified: 0, metadata: 0, type: 0, bytesAdded: 0, bytesRemoved: 0 };
    const problems = new Set<string>();
    const stop = new AbortController();
    let truncated = false;
    const differences = diffSnapshots(repository, from.snapshotId as SnapshotId, to.snapshotId as SnapshotId, {
      signal: stop.signal,
      // In both points the same entry is one left-out entry.
      onProblem: ({ path, message }) => {
        if (problems.size < MAX_PROBLEMS) problems.add(`${path}: ${message}`);
      },
    });
    for await (const difference of differences) {
      if (changes.length === MAX_CHANGES) {
        truncated = true;
        break;
      }
      const { path, change, type, sizeBefore, sizeAfter } = difference;
      changes.push({ path, change, type, sizeBefore, sizeAfter });
      totals[change] += 1;
      const grown = (sizeAfter ?? 0) - (sizeBefore ?? 0);
      if (grown > 0) totals.bytesAdded += grown;
      else totals.bytesRemoved -= grown;
    }
    stop.abort();
    return { changes, totals, truncated, problems: [...problems] };
  });
}
