// Rows of recovery points: an index of what is in the repositories.

import type { Page } from '#lib/contracts/common.ts';
import type { RecoveryPointQuery, RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import { db } from './client.ts';
import { decodeTimeCursor, encodeTimeCursor } from './cursor.ts';
import type { Prisma } from './generated/client.ts';

const shown = {
  id: true,
  snapshotId: true,
  time: true,
  vault: { select: { id: true, name: true } },
  source: { select: { id: true, name: true } },
  runId: true,
  hostname: true,
  paths: true,
  files: true,
  bytes: true,
  addedBytes: true,
  storedBytes: true,
  problemCount: true,
  missingSince: true,
} as const satisfies Prisma.RecoveryPointSelect;

function toView(row: Prisma.RecoveryPointGetPayload<{ select: typeof shown }>): RecoveryPointView {
  return {
    ...row,
    time: row.time.toISOString(),
    files: Number(row.files),
    bytes: Number(row.bytes),
    addedBytes: Number(row.addedBytes),
    storedBytes: Number(row.storedBytes),
    missingSince: row.missingSince?.toISOString() ?? null,
  };
}

/** Newest first. */
export async function listRecoveryPoints(query: RecoveryPointQuery): Promise<Page<RecoveryPointView>> {
  const where: Prisma.RecoveryPointWhereInput = {
    ...(query.sourceId ? { sourceId: query.sourceId } : {}),
    ...(query.vaultId ? { vaultId: query.vaultId } : {}),
    time: { ...(query.before ? { lt: query.before } : {}), ...(query.after ? { gt: query.after } : {}) },
  };
  if (query.cursor) {
    const after = decodeTimeCursor(query.cursor);
    // The first condition is what the index can jump to; the second breaks ties.
    where.AND = [{ time: { lte: after.time } }, { OR: [{ time: { lt: after.time } }, { id: { lt: after.id } }] }];
  }
  const rows = await db().recoveryPoint.findMany({
    where,
    orderBy: [{ time: 'desc' }, { id: 'desc' }],
    take: query.limit + 1,
    select: shown,
  });
  const items = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? items.at(-1) : undefined;
  return { items: items.map(toView), nextCursor: last ? encodeTimeCursor(last) : null };
}

export async function findRecoveryPoint(id: string): Promise<RecoveryPointView | null> {
  const row = await db().recoveryPoint.findUnique({ where: { id }, select: shown });
  return row && toView(row);
}

/** The points of the same source just before and after that are still there; both null for a point without a source. */
export async function findNeighbours(
  point: Pick<RecoveryPointView, 'id' | 'time' | 'source'>,
): Promise<{ previousId: string | null; nextId: string | null }> {
  if (point.source === null) return { previousId: null, nextId: null };
  const sourceId = point.source.id;
  const side = (order: 'asc' | 'desc') => {
    const beyond = order === 'desc' ? 'lt' : 'gt';
    return db().recoveryPoint.findFirst({
      where: {
        sourceId,
        missingSince: null,
        OR: [{ time: { [beyond]: point.time } }, { time: point.time, id: { [beyond]: point.id } }],
      },
      orderBy: [{ time: order }, { id: order }],
      select: { id: true },
    });
  };
  const [previous, next] = await Promise.all([side('desc'), side('asc')]);
  return { previousId: previous?.id ?? null, nextId: next?.id ?? null };
}

/** Those that are still in their vaults. */
export function countRecoveryPoints(): Promise<number> {
  return db().recoveryPoint.count({ where: { missingSince: null } });
}
