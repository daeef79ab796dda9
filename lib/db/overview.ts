// What the first screen asks across aggregates.

import { db } from './client.ts';

const ATTENTION_LIMIT = 20;

/** Failed or lost runs since then which nothing of the same work has made good, the newest of each, newest first. */
export async function listUnhealedRuns(since: Date): Promise<string[]> {
  const rows = await db().$queryRaw<{ id: string }[]>`
    SELECT id FROM (
      SELECT DISTINCT ON (r.kind, r."sourceId", r."vaultId", r."recoveryPointId") r.id, r."queuedAt"
      FROM run r
      WHERE r.outcome IN ('failed', 'lost') AND r."queuedAt" >= ${since}
        AND NOT EXISTS (
          SELECT 1 FROM run later
          WHERE later.kind = r.kind AND later."queuedAt" > r."queuedAt" AND later.outcome IN ('succeeded', 'warning')
            AND CASE r.kind
              WHEN 'backup' THEN later."sourceId" = r."sourceId"
              WHEN 'check' THEN later."vaultId" = r."vaultId"
              ELSE later."recoveryPointId" = r."recoveryPointId" END)
        AND (r.kind <> 'backup' OR r."sourceId" IS NOT NULL)
      ORDER BY r.kind, r."sourceId", r."vaultId", r."recoveryPointId", r."queuedAt" DESC) newest
    ORDER BY "queuedAt" DESC LIMIT ${ATTENTION_LIMIT}`;
  return rows.map((row) => row.id);
}

/** One round trip: the database answers. */
export async function pingDatabase(): Promise<void> {
  await db().$queryRaw`SELECT 1`;
}
