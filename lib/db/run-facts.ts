// What a run has to know about the vault, source and recovery point it works on, in one query each, and the rows it leaves.

import { runProgress } from '#lib/contracts/runs.ts';
import { type SourceConfig, sourceConfig } from '#lib/contracts/sources.ts';
import { db } from './client.ts';

export interface SourceFacts {
  id: string;
  name: string;
  config: SourceConfig;
  worker: { id: string; name: string; hostname: string };
}

export interface PointFacts {
  id: string;
  vaultId: string;
  snapshotId: string;
  hostname: string;
  paths: string[];
  time: Date;
  /** Null when the source was removed, or the snapshot was not made by Holdfast. */
  source: { id: string; name: string; worker: { id: string; name: string } } | null;
}

export async function findSourceFacts(id: string): Promise<SourceFacts | null> {
  const row = await db().source.findUnique({
    where: { id },
    select: { id: true, name: true, config: true, worker: { select: { id: true, name: true, hostname: true } } },
  });
  return row && { ...row, config: sourceConfig.parse(row.config) };
}

export async function findVaultName(id: string): Promise<string | null> {
  return (await db().vault.findUnique({ where: { id }, select: { name: true } }))?.name ?? null;
}

export async function findPointFacts(id: string): Promise<PointFacts | null> {
  return db().recoveryPoint.findUnique({
    where: { id },
    select: {
      id: true,
      vaultId: true,
      snapshotId: true,
      hostname: true,
      paths: true,
      time: true,
      source: { select: { id: true, name: true, worker: { select: { id: true, name: true } } } },
    },
  });
}

export interface NewRecoveryPoint {
  vaultId: string;
  sourceId: string | null;
  runId: string | null;
  snapshotId: string;
  treeId: string;
  time: Date;
  hostname: string;
  paths: string[];
  files: number;
  bytes: number;
  addedBytes: number;
  storedBytes: number;
  problemCount: number;
}

/**
 * Adds the row of a snapshot, or finds the one that is there: a snapshot has one row per vault, whoever records it first.
 * `final`: the caller made the snapshot, and its count of problems replaces the one that somebody else guessed.
 */
export async function recordRecoveryPoint(
  point: NewRecoveryPoint,
  { final = false }: { final?: boolean } = {},
): Promise<{ id: string; added: boolean }> {
  // Removed meanwhile, or a run that an earlier point already names: the point still counts, without the link.
  const source = point.sourceId && (await db().source.count({ where: { id: point.sourceId } })) > 0;
  const taken = point.runId && (await db().recoveryPoint.count({ where: { runId: point.runId } })) > 0;
  const added = await db().recoveryPoint.createMany({
    data: [
      {
        ...point,
        sourceId: source ? point.sourceId : null,
        runId: taken ? null : point.runId,
        files: BigInt(point.files),
        bytes: BigInt(point.bytes),
        addedBytes: BigInt(point.addedBytes),
        storedBytes: BigInt(point.storedBytes),
      },
    ],
    skipDuplicates: true,
  });
  const where = { vaultId_snapshotId: { vaultId: point.vaultId, snapshotId: point.snapshotId } };
  const row =
    final && added.count === 0
      ? await db().recoveryPoint.update({
          where,
          data: { problemCount: point.problemCount },
          select: { id: true },
        })
      : await db().recoveryPoint.findUniqueOrThrow({ where, select: { id: true } });
  return { id: row.id, added: added.count > 0 };
}

/** Snapshot ids of a vault that have a row, and whether they are marked as missing. */
export async function listRecordedSnapshots(vaultId: string): Promise<Map<string, { missing: boolean }>> {
  const rows = await db().recoveryPoint.findMany({
    where: { vaultId },
    select: { snapshotId: true, missingSince: true },
  });
  return new Map(rows.map((row) => [row.snapshotId, { missing: row.missingSince !== null }]));
}

export interface MissingPoint {
  id: string;
  snapshotId: string;
  time: Date;
  sourceName: string | null;
}

/**
 * Settles which points of the vault are missing: `gone` are from now on, `there` are not any more. Returns only those that were not
 * known to be missing before, and those that came back: each is told once.
 */
export async function settleMissingPoints(
  vaultId: string,
  gone: readonly string[],
  there: readonly string[],
): Promise<{ lost: MissingPoint[]; found: string[] }> {
  const lost = await db().$queryRaw<MissingPoint[]>`
    WITH lost AS (UPDATE recovery_point SET "missingSince" = now()
      WHERE "vaultId" = ${vaultId} AND "missingSince" IS NULL AND "snapshotId" = ANY(${gone})
      RETURNING id, "snapshotId", time, "sourceId")
    SELECT l.id, l."snapshotId", l.time, s.name AS "sourceName" FROM lost l LEFT JOIN source s ON s.id = l."sourceId"
    ORDER BY l.time DESC`;
  const found = await db().$queryRaw<{ id: string }[]>`
    UPDATE recovery_point SET "missingSince" = NULL
    WHERE "vaultId" = ${vaultId} AND "missingSince" IS NOT NULL AND "snapshotId" = ANY(${there}) RETURNING id`;
  return { lost, found: found.map(({ id }) => id) };
}

/** Size of the source's newest point, to notice when a backup is suddenly empty. */
export async function findNewestPoint(sourceId: string): Promise<{ id: string; files: number; bytes: number } | null> {
  const row = await db().recoveryPoint.findFirst({
    where: { sourceId },
    orderBy: { time: 'desc' },
    select: { id: true, files: true, bytes: true },
  });
  return row && { id: row.id, files: Number(row.files), bytes: Number(row.bytes) };
}

/** Problems that a run had counted when it last wrote its progress; 0 when it is not known. */
export async function findRunProblems(runId: string): Promise<number> {
  const row = await db().run.findUnique({ where: { id: runId }, select: { progress: true } });
  const progress = runProgress.safeParse(row?.progress);
  return progress.success ? progress.data.problems : 0;
}
