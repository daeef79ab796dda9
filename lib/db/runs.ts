// Rows of runs. Every write of a running run goes through a Claim: it names the fencing token, and a token that is no longer the
// row's changes nothing. Leases are reckoned by the database's clock alone, because hosts disagree about the time.
// `version` grows with every write and never falls: readers merge by it.

import { z } from 'zod';
import type { Actor } from '#lib/contracts/access.ts';
import type { Page } from '#lib/contracts/common.ts';
import {
  type RunError,
  type RunInput,
  type RunKind,
  type RunOutcome,
  type RunProgress,
  type RunQuery,
  type RunResult,
  type RunView,
  runError,
  runInput,
  runKind,
  runOutcome,
  runProgress,
  runResult,
  runState,
} from '#lib/contracts/runs.ts';
import { AppError } from '#lib/errors.ts';
import { insertAudit } from './audit.ts';
import { db, type Tx } from './client.ts';
import type { Prisma } from './generated/client.ts';

export interface NewRun {
  input: RunInput;
  sourceId?: string | null;
  vaultId?: string | null;
  recoveryPointId?: string | null;
  /** Worker in whose queue it goes; null for the shared queue. */
  targetWorkerId?: string | null;
  maxAttempts: number;
  /** Who asks for it; goes to the audit log as well. */
  actor: Pick<Actor, 'email' | 'ipAddress'>;
  retryOfId?: string | null;
  /** Refused with `conflict` while a run of the same kind, source and vault waits or works: a double click is one backup. */
  alone?: boolean;
}

/** A worker's right to a run: what it is, and the token that proves the right. */
export interface Claim {
  runId: string;
  fencingToken: number;
  input: RunInput;
  attempt: number;
  maxAttempts: number;
  version: number;
  requestedBy: string;
}

/** A running run whose lease ran out. */
export interface ExpiredRun {
  id: string;
  kind: RunKind;
  fencingToken: number;
  attempt: number;
  maxAttempts: number;
  cancelRequested: boolean;
  vaultId: string | null;
  workerName: string | null;
}

export interface Delivery {
  id: string;
  kind: RunKind;
  attempt: number;
  targetWorkerId: string | null;
}

/** All but the result: it names up to a hundred problems, which no list shows. */
const listed = {
  id: true,
  kind: true,
  state: true,
  outcome: true,
  input: true,
  progress: true,
  version: true,
  error: true,
  source: { select: { id: true, name: true } },
  vault: { select: { id: true, name: true } },
  worker: { select: { id: true, name: true } },
  recoveryPointId: true,
  attempt: true,
  cancelRequestedAt: true,
  requestedBy: true,
  retryOfId: true,
  queuedAt: true,
  startedAt: true,
  finishedAt: true,
} as const satisfies Prisma.RunSelect;

type ListedRow = Prisma.RunGetPayload<{ select: typeof listed }>;

function toView(row: ListedRow, result: unknown): RunView {
  return {
    id: row.id,
    kind: runKind.parse(row.kind),
    state: runState.parse(row.state),
    outcome: row.outcome === null ? null : runOutcome.parse(row.outcome),
    input: runInput.parse(row.input),
    progress: row.progress === null ? null : runProgress.parse(row.progress),
    version: row.version,
    result: result === null || result === undefined ? null : runResult.parse(result),
    error: row.error === null ? null : runError.parse(row.error),
    source: row.source,
    vault: row.vault,
    worker: row.worker,
    recoveryPointId: row.recoveryPointId,
    attempt: row.attempt,
    cancelRequested: row.cancelRequestedAt !== null,
    requestedBy: row.requestedBy,
    retryOfId: row.retryOfId,
    queuedAt: row.queuedAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

export async function insertRun(run: NewRun): Promise<RunView> {
  const id = await db().$transaction(async (tx) => {
    if (run.alone) await requireAlone(tx, run);
    // Only the id: with several relations Prisma would query them side by side on the transaction's one connection.
    const row = await tx.run.create({
      data: {
        kind: run.input.kind,
        input: run.input,
        sourceId: run.sourceId ?? null,
        vaultId: run.vaultId ?? null,
        recoveryPointId: run.recoveryPointId ?? null,
        targetWorkerId: run.targetWorkerId ?? null,
        maxAttempts: run.maxAttempts,
        requestedBy: run.actor.email,
        retryOfId: run.retryOfId ?? null,
      },
      select: { id: true },
    });
    await insertAudit(
      {
        actor: run.actor,
        action: `${run.input.kind}.start`,
        subjectKind: 'run',
        subjectId: row.id,
        detail: run.retryOfId ? { ...run.input, retryOf: run.retryOfId } : run.input,
      },
      tx,
    );
    return row.id;
  });
  return toView(await db().run.findUniqueOrThrow({ where: { id }, select: listed }), null);
}

async function requireAlone(tx: Tx, run: NewRun): Promise<void> {
  const { kind } = run.input;
  const [sourceId, vaultId] = [run.sourceId ?? null, run.vaultId ?? null];
  // Until the transaction ends: of two that ask at once the second sees the row of the first.
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`run ${kind} ${sourceId} ${vaultId}`}, 0))`;
  const other = await tx.run.findFirst({
    where: { kind, sourceId, vaultId, state: { in: ['queued', 'running'] } },
    select: { state: true },
  });
  if (!other) return;
  throw new AppError('conflict', {
    message: `The same ${kind} ${other.state === 'queued' ? 'waits already' : 'is being done already'}.`,
    hint: 'Watch that run, or cancel it first.',
  });
}

/** The whole run, its result included. */
export async function findRun(id: string): Promise<RunView | null> {
  const row = await db().run.findUnique({ where: { id }, select: { ...listed, result: true } });
  return row && toView(row, row.result);
}

/** What creating and delivering needs and screens do not show. */
export async function findRunPlacement(id: string): Promise<{
  targetWorkerId: string | null;
  maxAttempts: number;
  sourceId: string | null;
  vaultId: string | null;
} | null> {
  return db().run.findUnique({
    where: { id },
    select: { targetWorkerId: true, maxAttempts: true, sourceId: true, vaultId: true },
  });
}

/** Newest first. Results come without their lists of problems and findings. */
export async function listRuns(query: RunQuery): Promise<Page<RunView>> {
  const where: Prisma.RunWhereInput = {
    ...(query.kind ? { kind: query.kind } : {}),
    ...(query.state ? { state: query.state } : {}),
    ...(query.outcome ? { outcome: query.outcome } : {}),
    ...(query.sourceId ? { sourceId: query.sourceId } : {}),
    ...(query.vaultId ? { vaultId: query.vaultId } : {}),
  };
  if (query.cursor) {
    const after = decodeCursor(query.cursor);
    where.AND = [
      { queuedAt: { lte: after.queuedAt } },
      { OR: [{ queuedAt: { lt: after.queuedAt } }, { id: { lt: after.id } }] },
    ];
  }
  const rows = await db().run.findMany({
    where,
    orderBy: [{ queuedAt: 'desc' }, { id: 'desc' }],
    take: query.limit + 1,
    select: listed,
  });
  const shown = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? shown.at(-1) : undefined;
  return { items: await withSlimResults(shown), nextCursor: last ? encodeCursor(last) : null };
}

/** Those of the ids that there are, in the order of the ids, without lists of problems and findings. */
export async function listRunsById(ids: readonly string[]): Promise<RunView[]> {
  if (ids.length === 0) return [];
  const rows = await db().run.findMany({ where: { id: { in: [...ids] } }, select: listed });
  const views = await withSlimResults(rows);
  return views.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

/** Queued and running runs, oldest first. */
export async function listActiveRuns(limit = 200): Promise<RunView[]> {
  const rows = await db().run.findMany({
    where: { state: { in: ['queued', 'running'] } },
    orderBy: [{ queuedAt: 'asc' }, { id: 'asc' }],
    take: limit,
    select: listed,
  });
  return rows.map((row) => toView(row, null));
}

async function withSlimResults(rows: ListedRow[]): Promise<RunView[]> {
  const finished = rows.filter((row) => row.state === 'finished').map((row) => row.id);
  const slim = new Map<string, unknown>();
  if (finished.length > 0) {
    const results = await db().$queryRaw<{ id: string; result: object }[]>`
      SELECT id, result || '{"problems": [], "findings": []}'::jsonb AS result
      FROM run WHERE id = ANY(${finished}) AND result IS NOT NULL`;
    for (const { id, result } of results) slim.set(id, result);
  }
  return rows.map((row) => toView(row, slim.get(row.id)));
}

// ── the life of a run ──────────────────────────────────────────────────────────────────────

/** Takes a queued run; null when someone else did, or it was cancelled: then there is nothing to do. */
export async function claimRun(id: string, workerId: string, leaseMs: number): Promise<Claim | null> {
  const rows = await db().$queryRaw<
    {
      input: unknown;
      fencingToken: number;
      attempt: number;
      maxAttempts: number;
      version: number;
      requestedBy: string;
    }[]
  >`
    UPDATE run SET state = 'running', "workerId" = ${workerId}, "fencingToken" = "fencingToken" + 1, attempt = attempt + 1,
      version = version + 1, "startedAt" = now(), progress = NULL,
      "leaseExpiresAt" = now() + ${leaseMs} * interval '1 millisecond'
    WHERE id = ${id} AND state = 'queued'
    RETURNING input, "fencingToken", attempt, "maxAttempts", version, "requestedBy"`;
  const row = rows[0];
  return row ? { runId: id, ...row, input: runInput.parse(row.input) } : null;
}

/** Holds the run for another `leaseMs`; null when it is no longer this worker's. */
export async function renewLease(claim: Claim, leaseMs: number): Promise<{ cancelRequested: boolean } | null> {
  const rows = await db().$queryRaw<{ cancelRequested: boolean }[]>`
    UPDATE run SET "leaseExpiresAt" = now() + ${leaseMs} * interval '1 millisecond'
    WHERE id = ${claim.runId} AND "fencingToken" = ${claim.fencingToken} AND state = 'running'
    RETURNING "cancelRequestedAt" IS NOT NULL AS "cancelRequested"`;
  return rows[0] ?? null;
}

/** Writes progress; the row's version becomes at least `version`. Returns it, or null when the run is no longer this worker's. */
export async function writeProgress(claim: Claim, progress: RunProgress, version: number): Promise<number | null> {
  const rows = await db().$queryRaw<{ version: number }[]>`
    UPDATE run SET progress = ${asJson(progress)}::jsonb, version = GREATEST(version + 1, ${version})
    WHERE id = ${claim.runId} AND "fencingToken" = ${claim.fencingToken} AND state = 'running'
    RETURNING version`;
  return rows[0]?.version ?? null;
}

export interface Ending {
  outcome: RunOutcome;
  result?: RunResult | null;
  error?: RunError | null;
  /** The last counters; absent keeps what the row has. */
  progress?: RunProgress | null;
  /** The row's version becomes greater than this. */
  version?: number;
  recoveryPointId?: string;
}

/** Ends a run and returns its version; null when it is no longer this worker's. */
export async function finishRun(claim: Pick<Claim, 'runId' | 'fencingToken'>, ending: Ending): Promise<number | null> {
  const rows = await db().$queryRaw<{ version: number }[]>`
    UPDATE run SET state = 'finished', outcome = ${ending.outcome}, "finishedAt" = now(), "leaseExpiresAt" = NULL,
      result = ${asJson(ending.result)}::jsonb, error = ${asJson(ending.error)}::jsonb,
      progress = COALESCE(${asJson(ending.progress)}::jsonb, progress),
      "recoveryPointId" = COALESCE(${ending.recoveryPointId ?? null}, "recoveryPointId"),
      version = GREATEST(version, ${ending.version ?? 0}) + 1
    WHERE id = ${claim.runId} AND "fencingToken" = ${claim.fencingToken} AND state = 'running'
    RETURNING version`;
  return rows[0]?.version ?? null;
}

/** Puts a running run back into the queue; its old token is worth nothing from here on. Null when it is not this worker's. */
export async function requeueRun(
  claim: Pick<Claim, 'runId' | 'fencingToken'>,
): Promise<(Delivery & { version: number }) | null> {
  const rows = await db().$queryRaw<(Omit<Delivery, 'kind'> & { kind: string; version: number })[]>`
    UPDATE run SET state = 'queued', "leaseExpiresAt" = NULL, "workerId" = NULL, "startedAt" = NULL, progress = NULL,
      "fencingToken" = "fencingToken" + 1, version = version + 1
    WHERE id = ${claim.runId} AND "fencingToken" = ${claim.fencingToken} AND state = 'running'
    RETURNING id, kind, attempt, "targetWorkerId", version`;
  const row = rows[0];
  return row ? { ...row, kind: runKind.parse(row.kind) } : null;
}

/** queued: ends it as cancelled. running: leaves word for its worker. finished: nothing to cancel. */
export async function requestCancel(
  id: string,
  actor: Pick<Actor, 'email' | 'ipAddress'>,
): Promise<'finished' | 'requested' | 'already-over'> {
  return db().$transaction(async (tx) => {
    // One statement each, so that a claim that happens in between is seen by the second.
    const ended = await tx.$executeRaw`
      UPDATE run SET state = 'finished', outcome = 'cancelled', "cancelRequestedAt" = now(), "finishedAt" = now(),
        version = version + 1
      WHERE id = ${id} AND state = 'queued'`;
    const asked =
      ended > 0
        ? 0
        : await tx.$executeRaw`
            UPDATE run SET "cancelRequestedAt" = COALESCE("cancelRequestedAt", now()), version = version + 1
            WHERE id = ${id} AND state = 'running'`;
    if (ended + asked === 0) return 'already-over';
    await insertAudit({ actor, action: 'run.cancel', subjectKind: 'run', subjectId: id }, tx);
    return ended > 0 ? 'finished' : 'requested';
  });
}

// ── the sweep ──────────────────────────────────────────────────────────────────────────────

export async function listExpiredRuns(): Promise<ExpiredRun[]> {
  const rows = await db().$queryRaw<(Omit<ExpiredRun, 'kind'> & { kind: string })[]>`
    SELECT r.id, r.kind, r."fencingToken", r.attempt, r."maxAttempts", r."cancelRequestedAt" IS NOT NULL AS "cancelRequested",
      r."vaultId", w.name AS "workerName"
    FROM run r LEFT JOIN worker w ON w.id = r."workerId"
    WHERE r.state = 'running' AND r."leaseExpiresAt" < now()
    ORDER BY r."leaseExpiresAt" LIMIT 200`;
  return rows.map((row) => ({ ...row, kind: runKind.parse(row.kind) }));
}

/**
 * Ends the leases of a worker whose process is known to be dead, because the one that asks is its successor: its runs need not wait
 * for the lease to run out. The sweep settles them.
 */
export async function endLeasesOf(workerId: string): Promise<number> {
  return db().$executeRaw`
    UPDATE run SET "leaseExpiresAt" = now() - interval '1 second' WHERE "workerId" = ${workerId} AND state = 'running'`;
}

/** Queued runs older than `ageMs`: their delivery may have been lost. Oldest first. */
export async function listWaitingRuns(ageMs: number): Promise<Delivery[]> {
  const rows = await db().$queryRaw<(Omit<Delivery, 'kind'> & { kind: string })[]>`
    SELECT id, kind, attempt, "targetWorkerId" FROM run
    WHERE state = 'queued' AND "queuedAt" < now() - ${ageMs} * interval '1 millisecond'
    ORDER BY "queuedAt" LIMIT 500`;
  return rows.map((row) => ({ ...row, kind: runKind.parse(row.kind) }));
}

/**
 * Makes an expired run the sweep's own, so that several sweeps decide about it once; null when another was faster, or its
 * worker renewed the lease just now. A sweep that dies here leaves a lease that runs out again.
 */
export async function takeExpired(run: ExpiredRun): Promise<Pick<Claim, 'runId' | 'fencingToken'> | null> {
  const rows = await db().$queryRaw<{ fencingToken: number }[]>`
    UPDATE run SET "leaseExpiresAt" = now() + interval '1 minute', "fencingToken" = "fencingToken" + 1
    WHERE id = ${run.id} AND "fencingToken" = ${run.fencingToken} AND state = 'running' AND "leaseExpiresAt" < now()
    RETURNING "fencingToken"`;
  return rows[0] ? { runId: run.id, fencingToken: rows[0].fencingToken } : null;
}

function asJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

const cursorShape = z.tuple([z.coerce.date(), z.uuid()]);

function encodeCursor(row: { queuedAt: Date; id: string }): string {
  return Buffer.from(JSON.stringify([row.queuedAt.toISOString(), row.id])).toString('base64url');
}

function decodeCursor(cursor: string): { queuedAt: Date; id: string } {
  try {
    const [queuedAt, id] = cursorShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { queuedAt, id };
  } catch (cause) {
    throw new AppError('invalid-input', { message: 'The cursor is not one that this list gave out.', cause });
  }
}
