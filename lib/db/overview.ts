// What the first screen asks across aggregates.

import { db } from './client.ts';

const ATTENTION_LIMIT = 20;

/**
 * Work whose newest ending since then is a failure: newest first. Cancelled runs say nothing. Backups count per source, checks
 * per vault, restores per recovery point. Each part walks one index and stops at the newest row.
 */
export async function listUnhealedRuns(since: Date): Promise<string[]> {
  const rows = await db().$queryRaw<{ id: string }[]>`
    SELECT newest.id FROM (
      SELECT r.* FROM source s CROSS JOIN LATERAL (SELECT id, outcome, "queuedAt" FROM run
        WHERE "sourceId" = s.id AND kind = 'backup' AND state = 'finished' AND outcome <> 'cancelled' AND "queuedAt" >= ${since}
        ORDER BY "queuedAt" DESC LIMIT 1) r
      UNION ALL
      SELECT r.* FROM vault v CROSS JOIN LATERAL (SELECT id, outcome, "queuedAt" FROM run
        WHERE "vaultId" = v.id AND kind = 'check' AND state = 'finished' AND outcome <> 'cancelled' AND "queuedAt" >= ${since}
        ORDER BY "queuedAt" DESC LIMIT 1) r
      UNION ALL
      SELECT r.* FROM (SELECT DISTINCT ON ("recoveryPointId") id, outcome, "queuedAt" FROM run
        WHERE kind = 'restore' AND state = 'finished' AND outcome <> 'cancelled' AND "queuedAt" >= ${since}
        ORDER BY "recoveryPointId", "queuedAt" DESC) r) newest
    WHERE newest.outcome IN ('failed', 'lost')
    ORDER BY newest."queuedAt" DESC LIMIT ${ATTENTION_LIMIT}`;
  return rows.map((row) => row.id);
}

/** One round trip: the database answers. */
export async function pingDatabase(): Promise<void> {
  await db().$queryRaw`SELECT 1`;
}
