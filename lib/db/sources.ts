// Rows of sources, with what a list shows of each: its state, newest point and 30 days, in a fixed number of queries.

import { runOutcome } from '#lib/contracts/runs.ts';
import { type CreateSource, type SourceConfig, type SourceView, sourceConfig } from '#lib/contracts/sources.ts';
import { type DayCount, dayStrip, sourceState, stripStart } from '#lib/domain/source-state.ts';
import { type AuditEntry, insertAudit } from './audit.ts';
import { db } from './client.ts';
import { nameTaken, uniqueViolation } from './unique.ts';

/** As db/workers.ts: a worker that is silent this long is lost. */
const ONLINE_WITHIN_MS = 30_000;
const DAY_MS = 86_400_000;

export interface SourceRecord {
  id: string;
  name: string;
  config: SourceConfig;
  workerId: string;
}

interface Row {
  id: string;
  name: string;
  config: unknown;
  createdAt: Date;
  workerId: string;
  workerName: string;
  workerOnline: boolean;
  points: number;
  newestOutcome: string | null;
  runId: string | null;
  runState: string | null;
  runOutcome: string | null;
  runAt: Date | null;
  pointId: string | null;
  pointTime: Date | null;
  pointBytes: bigint | null;
  pointPaths: string[] | null;
  pointFiles: bigint | null;
  pointVaultId: string | null;
  pointVaultName: string | null;
  newestMissing: boolean;
}

/** All by name, or the one with that id. */
export async function listSources(now: Date, id: string | null = null): Promise<SourceView[]> {
  const [rows, days] = await Promise.all([readRows(id), countDays(id, now)]);
  return rows.map((row) => toView(row, days.get(row.id) ?? [], now));
}

function readRows(id: string | null): Promise<Row[]> {
  return db().$queryRaw<Row[]>`
    SELECT s.id, s.name, s.config, s."createdAt", w.id AS "workerId", w.name AS "workerName",
      (w."stoppedAt" IS NULL AND w."lastSeenAt" > now() - make_interval(secs => ${ONLINE_WITHIN_MS / 1000}::float8)) AS "workerOnline",
      COALESCE(held.points, 0) AS points,
      ended.outcome AS "newestOutcome",
      latest.id AS "runId", latest.state AS "runState", latest.outcome AS "runOutcome",
      COALESCE(latest."finishedAt", latest."startedAt", latest."queuedAt") AS "runAt",
      point.id AS "pointId", point.time AS "pointTime", point.bytes AS "pointBytes", point.files AS "pointFiles", point.paths AS "pointPaths",
      made."missingSince" IS NOT NULL AS "newestMissing",
      v.id AS "pointVaultId", v.name AS "pointVaultName"
    FROM source s
    JOIN worker w ON w.id = s."workerId"
    LEFT JOIN (SELECT "sourceId", count(*)::int AS points FROM recovery_point
      WHERE "missingSince" IS NULL AND (${id}::text IS NULL OR "sourceId" = ${id}::text) GROUP BY "sourceId") held ON held."sourceId" = s.id
    LEFT JOIN LATERAL (SELECT r.* FROM run r WHERE r."sourceId" = s.id AND r.kind = 'backup'
      ORDER BY r."queuedAt" DESC LIMIT 1) latest ON true
    LEFT JOIN LATERAL (SELECT r.outcome FROM run r WHERE r."sourceId" = s.id AND r.kind = 'backup' AND r.state = 'finished'
      AND r.outcome <> 'cancelled' ORDER BY r."queuedAt" DESC LIMIT 1) ended ON true
    LEFT JOIN LATERAL (SELECT p.* FROM recovery_point p WHERE p."sourceId" = s.id AND p."missingSince" IS NULL
      ORDER BY p.time DESC LIMIT 1) point ON true
    LEFT JOIN LATERAL (SELECT p."missingSince" FROM recovery_point p WHERE p."sourceId" = s.id
      ORDER BY p.time DESC LIMIT 1) made ON true
    LEFT JOIN vault v ON v.id = point."vaultId"
    WHERE ${id}::text IS NULL OR s.id = ${id}::text
    ORDER BY s.name`;
}

function toView(row: Row, days: DayCount[], now: Date): SourceView {
  const newest = row.newestOutcome === null ? null : runOutcome.parse(row.newestOutcome);
  const config = sourceConfig.parse(row.config);
  return {
    id: row.id,
    name: row.name,
    config,
    worker: { id: row.workerId, name: row.workerName, online: row.workerOnline },
    createdAt: row.createdAt.toISOString(),
    state: sourceState(newest, row.pointPaths, config.path, row.newestMissing),
    lastPoint: row.pointId && {
      id: row.pointId,
      time: (row.pointTime as Date).toISOString(),
      bytes: Number(row.pointBytes),
      files: Number(row.pointFiles),
      vaultId: row.pointVaultId as string,
      vaultName: row.pointVaultName as string,
    },
    lastRun: row.runId && {
      id: row.runId,
      state: row.runState as string,
      outcome: row.runOutcome,
      at: (row.runAt as Date).toISOString(),
    },
    recoveryPoints: row.points,
    strip: dayStrip(days, now),
  } as SourceView;
}

async function countDays(sourceId: string | null, now: Date): Promise<Map<string, DayCount[]>> {
  // Days as numbers since 1970: naming them in SQL cost more than reading the rows.
  const rows = await db().$queryRaw<{ sourceId: string; day: number; outcome: string; runs: number }[]>`
    SELECT "sourceId", floor(extract(epoch FROM "queuedAt") / 86400)::int AS day, outcome, count(*)::int AS runs
    FROM run
    WHERE "queuedAt" >= ${stripStart(now)} AND kind = 'backup' AND outcome IS NOT NULL AND "sourceId" IS NOT NULL
      AND (${sourceId}::text IS NULL OR "sourceId" = ${sourceId}::text)
    GROUP BY 1, 2, 3`;
  const named = rows.map((row) => ({ ...row, day: new Date(row.day * DAY_MS).toISOString().slice(0, 10) }));
  return Map.groupBy(named, (row) => row.sourceId);
}

export async function findSource(id: string): Promise<SourceRecord | null> {
  const row = await db().source.findUnique({
    where: { id },
    select: { id: true, name: true, config: true, workerId: true },
  });
  return row && { ...row, config: sourceConfig.parse(row.config) };
}

/** Errors: `conflict` at the field `name`. */
export async function insertSource(input: CreateSource, actor: AuditEntry['actor']): Promise<string> {
  try {
    return await db().$transaction(async (tx) => {
      const row = await tx.source.create({
        data: { name: input.name, kind: input.config.kind, config: input.config, workerId: input.workerId },
        select: { id: true },
      });
      await insertAudit(
        {
          actor,
          action: 'source.create',
          subjectKind: 'source',
          subjectId: row.id,
          subjectName: input.name,
          detail: { config: input.config, workerId: input.workerId },
        },
        tx,
      );
      return row.id;
    });
  } catch (error) {
    throw uniqueViolation(error) ? nameTaken('source', input.name) : error;
  }
}

export async function updateSource(
  before: SourceRecord,
  change: { name?: string; config?: SourceConfig },
  actor: AuditEntry['actor'],
): Promise<void> {
  try {
    await db().$transaction(async (tx) => {
      await tx.source.update({ where: { id: before.id }, data: change, select: { id: true } });
      await insertAudit(
        {
          actor,
          action: 'source.update',
          subjectKind: 'source',
          subjectId: before.id,
          subjectName: change.name ?? before.name,
          detail: { before: { name: before.name, config: before.config }, change },
        },
        tx,
      );
    });
  } catch (error) {
    throw uniqueViolation(error) ? nameTaken('source', change.name ?? before.name) : error;
  }
}

/** Its recovery points stay, without a source. 'busy': a run of it waits or works, so nothing was changed. */
export async function deleteSource(source: SourceRecord, actor: AuditEntry['actor']): Promise<'deleted' | 'busy'> {
  return db().$transaction(async (tx) => {
    const active = await tx.run.count({
      where: { sourceId: source.id, kind: 'backup', state: { in: ['queued', 'running'] } },
    });
    if (active > 0) return 'busy';
    await tx.source.deleteMany({ where: { id: source.id } });
    await insertAudit(
      {
        actor,
        action: 'source.delete',
        subjectKind: 'source',
        subjectId: source.id,
        subjectName: source.name,
        detail: { config: source.config, workerId: source.workerId },
      },
      tx,
    );
    return 'deleted';
  });
}
