// Rows of runs as they are asked for and read. How a row is worked on is in run-claims.ts.

import type { Actor } from '#lib/contracts/access.ts';
import type { Page } from '#lib/contracts/common.ts';
import {
  type RunInput,
  type RunQuery,
  type RunView,
  runError,
  runInput,
  runKind,
  runOutcome,
  runProgress,
  runResult,
  runState,
} from '#lib/contracts/runs.ts';
import type { WorkerView } from '#lib/contracts/workers.ts';
import { AppError } from '#lib/errors.ts';
import { insertAudit } from './audit.ts';
import { db, type Tx } from './client.ts';
import { decodeTimeCursor, encodeTimeCursor } from './cursor.ts';
import type { Prisma } from './generated/client.ts';
import { listWorkers } from './workers.ts';

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
  targetWorkerId: true,
  attempt: true,
  cancelRequestedAt: true,
  requestedBy: true,
  retryOfId: true,
  queuedAt: true,
  startedAt: true,
  finishedAt: true,
} as const satisfies Prisma.RunSelect;

type ListedRow = Prisma.RunGetPayload<{ select: typeof listed }>;

/** `results` by run id; a run without one there is shown without. */
async function toViews(rows: readonly ListedRow[], results: ReadonlyMap<string, unknown>): Promise<RunView[]> {
  // Rare, and then a handful of workers.
  const workers = rows.some((row) => row.state === 'queued') ? await listWorkers() : [];
  return rows.map((row) => toView(row, results.get(row.id), workers));
}

function waitsFor(row: ListedRow, workers: readonly WorkerView[]): RunView['waitsFor'] {
  if (row.state !== 'queued') return null;
  const able = workers.filter((worker) => row.targetWorkerId === null || worker.id === row.targetWorkerId);
  const [only] = row.targetWorkerId === null ? [] : able;
  return {
    worker: only ? { id: only.id, name: only.name, hostname: only.hostname } : null,
    online: able.some((worker) => worker.state === 'online'),
    lastSeenAt:
      able
        .map((worker) => worker.lastSeenAt)
        .sort()
        .at(-1) ?? null,
  };
}

function toView(row: ListedRow, result: unknown, workers: readonly WorkerView[]): RunView {
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
    waitsFor: waitsFor(row, workers),
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
  const row = await db().run.findUniqueOrThrow({ where: { id }, select: listed });
  return (await toViews([row], new Map()))[0] as RunView;
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
  return row && ((await toViews([row], new Map([[id, row.result]])))[0] ?? null);
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
    const after = decodeTimeCursor(query.cursor);
    where.AND = [
      { queuedAt: { lte: after.time } },
      { OR: [{ queuedAt: { lt: after.time } }, { id: { lt: after.id } }] },
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
  return {
    items: await withSlimResults(shown),
    nextCursor: last ? encodeTimeCursor({ time: last.queuedAt, id: last.id }) : null,
  };
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
  return toViews(rows, new Map());
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
  return toViews(rows, slim);
}
