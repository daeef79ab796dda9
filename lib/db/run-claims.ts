// The life of a run's row: claimed, worked on, ended, or swept. Every write of a running run goes through a Claim: it names the
// fencing token, and a token that is no longer the row's changes nothing. Leases are reckoned by the database's clock alone, because
// hosts disagree about the time. `version` grows with every write and never falls: readers merge by it.

import type { Actor } from '#lib/contracts/access.ts';
import {
  type RunError,
  type RunInput,
  type RunKind,
  type RunOutcome,
  type RunProgress,
  type RunResult,
  runInput,
  runKind,
} from '#lib/contracts/runs.ts';
import { insertAudit } from './audit.ts';
import { db } from './client.ts';

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
