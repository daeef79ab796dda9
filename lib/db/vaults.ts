// Rows of vaults. The sealed password leaves this file only through findVaultSecret().

import {
  type StoreConfig,
  storeConfig,
  type UpdateVault,
  type VaultDetail,
  type VaultView,
} from '#lib/contracts/vaults.ts';
import { type AuditEntry, insertAudit } from './audit.ts';
import { db, type Tx } from './client.ts';
import { nameTaken, uniqueViolation } from './unique.ts';

/** What the row knows; whether the store can be reached is asked elsewhere. */
export type VaultRow = Omit<VaultView, 'freeBytes' | 'unreachable'>;

interface Row {
  id: string;
  name: string;
  store: unknown;
  zone: string | null;
  repositoryId: string;
  createdAt: Date;
  kitDownloadedAt: Date | null;
  storedBytes: bigint;
  uniqueBytes: bigint;
  logicalBytes: bigint;
  measuredAt: Date | null;
  points: number;
  sources: number;
  lastRunAt: Date | null;
  checkId: string | null;
  checkAt: Date | null;
  checkOk: boolean | null;
  checkReadData: boolean | null;
}

/** All by name, or the one with that id. */
export async function listVaults(id: string | null = null): Promise<VaultRow[]> {
  const rows = await db().$queryRaw<Row[]>`
    SELECT v.id, v.name, v.store, v.zone, v."repositoryId", v."createdAt", v."kitDownloadedAt",
      v."storedBytes", v."uniqueBytes", v."logicalBytes", v."measuredAt",
      COALESCE(held.points, 0) AS points, COALESCE(held.sources, 0) AS sources,
      latest.at AS "lastRunAt",
      checked.id AS "checkId", checked."finishedAt" AS "checkAt",
      (checked.outcome IN ('succeeded', 'warning') AND (checked.result->>'ok')::boolean) AS "checkOk",
      (checked.input->>'readData')::boolean AS "checkReadData"
    FROM vault v
    LEFT JOIN (SELECT "vaultId", sum(points)::int AS points, count("sourceId")::int AS sources
      FROM (SELECT "vaultId", "sourceId", count(*) AS points FROM recovery_point
        WHERE "missingSince" IS NULL AND (${id}::text IS NULL OR "vaultId" = ${id}::text) GROUP BY "vaultId", "sourceId") each
      GROUP BY "vaultId") held ON held."vaultId" = v.id
    LEFT JOIN LATERAL (SELECT COALESCE(r."finishedAt", r."startedAt", r."queuedAt") AS at FROM run r
      WHERE r."vaultId" = v.id ORDER BY r."queuedAt" DESC LIMIT 1) latest ON true
    LEFT JOIN LATERAL (SELECT r.id, r."finishedAt", r.outcome, r.result, r.input FROM run r
      WHERE r."vaultId" = v.id AND r.kind = 'check' AND r.state = 'finished' AND r.outcome <> 'cancelled'
      ORDER BY r."queuedAt" DESC LIMIT 1) checked ON true
    WHERE ${id}::text IS NULL OR v.id = ${id}::text
    ORDER BY v.name`;
  return rows.map(toRow);
}

function toRow(row: Row): VaultRow {
  const storedBytes = Number(row.storedBytes);
  const logicalBytes = Number(row.logicalBytes);
  return {
    id: row.id,
    name: row.name,
    store: storeConfig.parse(row.store),
    zone: row.zone,
    repositoryId: row.repositoryId,
    createdAt: row.createdAt.toISOString(),
    kitDownloadedAt: row.kitDownloadedAt?.toISOString() ?? null,
    storedBytes,
    uniqueBytes: Number(row.uniqueBytes),
    logicalBytes,
    dedupRatio: storedBytes === 0 ? null : logicalBytes / storedBytes,
    measuredAt: row.measuredAt?.toISOString() ?? null,
    recoveryPoints: row.points,
    sources: row.sources,
    lastRunAt: row.lastRunAt?.toISOString() ?? null,
    lastCheck:
      row.checkId !== null && row.checkAt !== null
        ? {
            runId: row.checkId,
            at: row.checkAt.toISOString(),
            ok: row.checkOk ?? false,
            readData: row.checkReadData ?? false,
          }
        : null,
  };
}

const MAX_SAMPLES = 400;

/** Oldest first. When there are more samples than a chart can show, evenly picked ones, the newest always among them. */
export async function listGrowth(id: string): Promise<VaultDetail['growth']> {
  const rows = await db().$queryRaw<
    { at: Date; storedBytes: bigint; uniqueBytes: bigint; logicalBytes: bigint; recoveryPoints: number }[]
  >`
    SELECT at, "storedBytes", "uniqueBytes", "logicalBytes", "recoveryPoints" FROM (
      SELECT *, row_number() OVER (ORDER BY at DESC) - 1 AS place, count(*) OVER () AS total
      FROM vault_sample WHERE "vaultId" = ${id}) numbered
    WHERE place % GREATEST(1, CEIL(total / ${MAX_SAMPLES}::float8)::int) = 0 ORDER BY at`;
  return rows.map((row) => ({
    at: row.at.toISOString(),
    storedBytes: Number(row.storedBytes),
    uniqueBytes: Number(row.uniqueBytes),
    logicalBytes: Number(row.logicalBytes),
    recoveryPoints: row.recoveryPoints,
  }));
}

/** What each source keeps in the vault, largest first. */
export async function listVaultSources(id: string): Promise<VaultDetail['bySource']> {
  const rows = await db().$queryRaw<
    { sourceId: string | null; name: string | null; points: number; newestAt: Date; logicalBytes: bigint }[]
  >`
    SELECT p."sourceId", s.name, count(*)::int AS points, max(p.time) AS "newestAt", sum(p.bytes)::bigint AS "logicalBytes"
    FROM recovery_point p LEFT JOIN source s ON s.id = p."sourceId"
    WHERE p."vaultId" = ${id} AND p."missingSince" IS NULL GROUP BY p."sourceId", s.name ORDER BY sum(p.bytes) DESC`;
  return rows.map((row) => ({
    sourceId: row.sourceId,
    name: row.name ?? 'Removed sources',
    recoveryPoints: row.points,
    newestAt: row.newestAt.toISOString(),
    logicalBytes: Number(row.logicalBytes),
  }));
}

export interface VaultSecret {
  id: string;
  name: string;
  store: StoreConfig;
  repositoryId: string;
  sealedPassword: string;
}

export async function findVaultSecret(id: string): Promise<VaultSecret | null> {
  const row = await db().vault.findUnique({
    where: { id },
    select: { id: true, name: true, store: true, repositoryId: true, sealedPassword: true },
  });
  return row && { ...row, store: storeConfig.parse(row.store) };
}

export async function listVaultPlaces(tx: Tx = db()): Promise<{ id: string; name: string; store: StoreConfig }[]> {
  const rows = await tx.vault.findMany({ select: { id: true, name: true, store: true } });
  return rows.map((row) => ({ ...row, store: storeConfig.parse(row.store) }));
}

/** Any constant of our own: one vault is made at a time, on all web processes together. */
const CREATION_LOCK = 8_420_001;
/** Making a repository costs a scrypt run and a few writes; a slow share may take its time. */
const CREATION_TIMEOUT_MS = 60_000;

export interface NewVault extends VaultSecret {
  zone: string | null;
}

/**
 * Holds the lock while `make` looks at the other vaults and initialises the repository; then the row and its audit entry are
 * written and committed together. Whatever fails, `make`'s error included, leaves no row.
 */
export async function createVault(
  name: string,
  actor: AuditEntry['actor'],
  make: (others: { id: string; name: string; store: StoreConfig }[]) => Promise<NewVault>,
): Promise<void> {
  try {
    await db().$transaction(
      async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${CREATION_LOCK})`;
        if ((await tx.vault.count({ where: { name } })) > 0) throw nameTaken('vault', name);
        const vault = await make(await listVaultPlaces(tx));
        await tx.vault.create({ data: vault, select: { id: true } });
        await insertAudit(
          {
            actor,
            action: 'vault.create',
            subjectKind: 'vault',
            subjectId: vault.id,
            subjectName: vault.name,
            detail: { store: vault.store, repositoryId: vault.repositoryId },
          },
          tx,
        );
      },
      { timeout: CREATION_TIMEOUT_MS, maxWait: CREATION_TIMEOUT_MS },
    );
  } catch (error) {
    throw uniqueViolation(error) ? nameTaken('vault', name) : error;
  }
}

/** False when there is no such vault. */
export async function updateVault(id: string, change: UpdateVault, actor: AuditEntry['actor']): Promise<boolean> {
  try {
    return await db().$transaction(async (tx) => {
      const before = await tx.vault.findUnique({ where: { id }, select: { name: true, zone: true } });
      if (before === null) return false;
      await tx.vault.update({ where: { id }, data: change, select: { id: true } });
      await insertAudit(
        {
          actor,
          action: 'vault.update',
          subjectKind: 'vault',
          subjectId: id,
          subjectName: change.name ?? before.name,
          detail: { before, change },
        },
        tx,
      );
      return true;
    });
  } catch (error) {
    throw uniqueViolation(error) ? nameTaken('vault', change.name ?? '') : error;
  }
}

export async function recordKitDownload(
  vault: { id: string; name: string },
  actor: AuditEntry['actor'],
  now: Date,
): Promise<void> {
  await db().$transaction(async (tx) => {
    await tx.vault.update({ where: { id: vault.id }, data: { kitDownloadedAt: now }, select: { id: true } });
    await insertAudit(
      { actor, action: 'vault.recovery-kit', subjectKind: 'vault', subjectId: vault.id, subjectName: vault.name },
      tx,
    );
  });
}
