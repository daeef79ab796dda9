// Rows of workers. "Seen" is reckoned by the database's clock, because hosts disagree about the time.

import type { WorkerView } from '#lib/contracts/workers.ts';
import { db } from './client.ts';

export interface WorkerIdentity {
  id: string;
  name: string;
  hostname: string;
  platform: string;
  version: string;
  pid: number;
  concurrency: number;
}

/** Silent for longer than this, a worker counts as lost: three heartbeats missed. */
const SILENT_AFTER_MS = 30_000;

/** Writes the row at the start of a worker; its sources and old runs stay with it. */
export async function registerWorker(worker: WorkerIdentity): Promise<void> {
  await db().$executeRaw`
    INSERT INTO worker (id, name, hostname, platform, version, pid, concurrency, "startedAt", "lastSeenAt", "stoppedAt")
    VALUES (${worker.id}, ${worker.name}, ${worker.hostname}, ${worker.platform}, ${worker.version}, ${worker.pid},
      ${worker.concurrency}, now(), now(), NULL)
    ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, hostname = EXCLUDED.hostname, platform = EXCLUDED.platform,
      version = EXCLUDED.version, pid = EXCLUDED.pid, concurrency = EXCLUDED.concurrency, "startedAt" = now(),
      "lastSeenAt" = now(), "stoppedAt" = NULL`;
}

/** False when the row is gone (someone removed it): the worker registers again. */
export async function heartbeat(id: string): Promise<boolean> {
  return (await db().$executeRaw`UPDATE worker SET "lastSeenAt" = now(), "stoppedAt" = NULL WHERE id = ${id}`) > 0;
}

export async function markStopped(id: string): Promise<void> {
  await db().$executeRaw`UPDATE worker SET "lastSeenAt" = now(), "stoppedAt" = now() WHERE id = ${id}`;
}

interface WorkerRow {
  id: string;
  name: string;
  hostname: string;
  platform: string;
  version: string;
  pid: number;
  concurrency: number;
  startedAt: Date;
  lastSeenAt: Date;
  stoppedAt: Date | null;
  silentMs: number;
  runningRuns: number;
  sources: number;
}

/** One worker, or all by name. */
export async function listWorkers(id?: string): Promise<WorkerView[]> {
  const rows = await db().$queryRaw<WorkerRow[]>`
    SELECT w.id, w.name, w.hostname, w.platform, w.version, w.pid, w.concurrency, w."startedAt", w."lastSeenAt", w."stoppedAt",
      (EXTRACT(EPOCH FROM now() - w."lastSeenAt") * 1000)::float8 AS "silentMs",
      (SELECT count(*)::int FROM run r WHERE r.state = 'running' AND r."workerId" = w.id) AS "runningRuns",
      (SELECT count(*)::int FROM source s WHERE s."workerId" = w.id) AS sources
    FROM worker w WHERE ${id ?? null}::text IS NULL OR w.id = ${id ?? null}::text ORDER BY w.name, w.id`;
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    hostname: row.hostname,
    platform: row.platform,
    version: row.version,
    pid: row.pid,
    concurrency: row.concurrency,
    state: row.stoppedAt ? 'stopped' : row.silentMs > SILENT_AFTER_MS ? 'lost' : 'online',
    startedAt: row.startedAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
    runningRuns: row.runningRuns,
    sources: row.sources,
  }));
}
