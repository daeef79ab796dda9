// Rows of sources, with what a list shows of each: its state, newest point and 30 days, in a fixed number of queries.

import { runOutcome } from '#lib/contracts/runs.ts';
import { type CreateSource, type SourceConfig, type SourceView, sourceConfig } from '#lib/contracts/sources.ts';
import { type DayCount, dayStrip, sourceState, stripStart } from '#lib/domain/source-state.ts';
import { type AuditEntry, insertAudit } from './audit.ts';
import { db } from './client.ts';
import { nameTaken, uniqueViolation } from './unique.ts';

/** As db/workers.ts: a worker that is silent this long is lost. */
const ONLINE_WITHIN_MS = 30_000;

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
  pointFiles: bigint | null;
  pointVaultId: string | null;
  pointVaultName: string | null;
}

/** All by name, or the one with that id. */
export async function listSources(now: Date, id: string | null = null): Promise<SourceView[]> {
  const rows = await db().$queryRaw<Row[]>`
    SELECT s.id, s.name, s.config, s."createdAt", w.id AS "workerId", w.name AS "workerName",
      (w."stoppedAt" IS NULL AND w."lastSeenAt" > now() - make_interval(secs => ${ONLINE_WITHIN_MS / 1000}::float8)) AS "workerOnline",
      (SELECT count(*)::int FROM recovery_point p WHERE p."sourceId" = s.id) AS points,
      ended.outcome AS "newestOutcome",
      latest.id AS "runId", latest.state AS "runState", latest.outcome AS "runOutcome",
      COALESCE(latest."finishedAt", latest."startedAt", latest."queuedAt") AS "runAt",
      point.id AS "pointId", point.time AS "pointTime", point.bytes AS "pointBytes", point.files AS "pointFiles",
      v.id AS "pointVaultId", v.name AS "pointVaultName"
    FROM source s
    JOIN worker w ON w.id = s."workerId"
    LEFT JOIN LATERAL (SELECT r.* FROM run r WHERE r."sourceId" = s.id AND r.kind = 'backup'
      ORDER BY r."queuedAt" DESC LIMIT 1) latest ON true
    LEFT JOIN LATERAL (SELECT r.outcome FROM run r WHERE r."sourceId" = s.id AND r.kind = 'backup' AND r.state = 'finished'
      AND r.outcome <> 'cancelled' ORDER BY r."queuedAt" DESC LIMIT 1) ended ON true
    LEFT JOIN LATERAL (SELECT p.* FROM recovery_point p WHERE p."sourceId" = s.id ORDER BY p.time DESC LIMIT 1) point ON true
    LEFT JOIN vault v ON v.id = point."vaultId"
    WHERE ${id}::text IS NULL OR s.id = ${id}::text
    ORDER BY s.name`;
  const days = await countDays(
    rows.map((row) => row.id),
    now,
  );
  return rows.map((row) => toView(row, days.get(row.id) ?? [], now));
}

function toView(row: Row, days: DayCount[], now: Date): SourceView {
  const newest = row.newestOutcome === null ? null : runOutcome.parse(row.newestOutcome);
  return {
    id: row.id,
    name: row.name,
    config: sourceConfig.parse(row.config),
    worker: { id: row.workerId, name: row.workerName, online: row.workerOnline },
    createdAt: row.createdAt.toISOString(),
    state: sourceState(newest, row.points),
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

async function countDays(sourceIds: string[], now: Date): Promise<Map<string, DayCount[]>> {
  const rows = await db().$queryRaw<(DayCount & { sourceId: string })[]>`
    SELECT "sourceId", to_char("queuedAt" AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, outcome, count(*)::int AS runs
    FROM run
    WHERE "sourceId" = ANY(${sourceIds}::text[]) AND "queuedAt" >= ${stripStart(now)} AND kind = 'backup' AND state = 'finished'
    GROUP BY 1, 2, 3`;
  return Map.groupBy(rows, (row) => row.sourceId);
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
