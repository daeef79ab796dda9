// A run's three facets, each a union keyed by kind. Persisted as JSON: add fields as optional, never rename.

import { z } from 'zod';
import { count, entityId, instant, listQuery, pathText } from './common.ts';
import { restoreRequest } from './restores.ts';

export const runKind = z.enum(['backup', 'restore', 'check']);
export type RunKind = z.infer<typeof runKind>;
export const runState = z.enum(['queued', 'running', 'finished']);
export type RunState = z.infer<typeof runState>;
export const runOutcome = z.enum(['succeeded', 'warning', 'failed', 'cancelled', 'lost']);
export type RunOutcome = z.infer<typeof runOutcome>;

export const runInput = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('backup'), sourceId: entityId, vaultId: entityId }),
  z.object({ kind: z.literal('restore'), request: restoreRequest, planId: entityId.optional() }),
  z.object({ kind: z.literal('check'), vaultId: entityId, readData: z.boolean() }),
]);
export type RunInput = z.infer<typeof runInput>;

/** The same shape for every kind, so that one bar shows them all. */
export const runProgress = z.object({
  /** Key into the kind's phases (domain/run-phases.ts). */
  phase: z.string(),
  /** When each phase began, in order. */
  phases: z.array(z.object({ phase: z.string(), startedAt: instant })),
  filesDone: count,
  filesTotal: count.optional(),
  bytesDone: count,
  bytesTotal: count.optional(),
  /** Backup: new bytes stored after compression. */
  bytesStored: count.optional(),
  /** Bytes a second over the last ten seconds. */
  rate: z.number().nonnegative(),
  /** Seconds; absent while unknown. */
  eta: z.number().nonnegative().optional(),
  currentPath: pathText.optional(),
  problems: count,
});
export type RunProgress = z.infer<typeof runProgress>;

export const runProblem = z.object({ path: pathText, during: z.string(), message: z.string() });

export const runResult = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('backup'),
    recoveryPointId: entityId,
    snapshotId: z.string(),
    parentSnapshotId: z.string().nullable(),
    files: count,
    filesNew: count,
    filesChanged: count,
    filesUnmodified: count,
    bytes: count,
    addedBytes: count,
    storedBytes: count,
    problemCount: count,
    problems: z.array(runProblem),
    /** Sentences about the result that are not about one path, such as "The source is empty." */
    warnings: z.array(z.string()).default([]),
  }),
  z.object({
    kind: z.literal('restore'),
    targetPath: pathText,
    filesRestored: count,
    filesKept: count,
    filesVerified: count,
    bytes: count,
    problemCount: count,
    problems: z.array(runProblem),
  }),
  z.object({
    kind: z.literal('check'),
    ok: z.boolean(),
    packs: count,
    blobs: count,
    snapshots: count,
    bytesRead: count,
    findings: z.array(z.object({ severity: z.enum(['error', 'hint']), kind: z.string(), message: z.string() })),
  }),
]);
export type RunResult = z.infer<typeof runResult>;

export const runError = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });
export type RunError = z.infer<typeof runError>;

export const runView = z.object({
  id: entityId,
  kind: runKind,
  state: runState,
  outcome: runOutcome.nullable(),
  input: runInput,
  progress: runProgress.nullable(),
  /** Grows with every write; merge by it. */
  version: z.number().int(),
  result: runResult.nullable(),
  error: runError.nullable(),
  source: z.object({ id: entityId, name: z.string() }).nullable(),
  vault: z.object({ id: entityId, name: z.string() }).nullable(),
  recoveryPointId: entityId.nullable(),
  worker: z.object({ id: entityId, name: z.string() }).nullable(),
  /** Who would have to take a queued run; null once it was taken. */
  waitsFor: z
    .object({
      /** Null: any worker will do. */
      worker: z.object({ id: entityId, name: z.string(), hostname: z.string() }).nullable(),
      /** Of any worker: at least one is. */
      online: z.boolean(),
      /** Of any worker: the newest sign of them all. Null when there was none. */
      lastSeenAt: instant.nullable(),
    })
    .nullable(),
  attempt: z.number().int(),
  cancelRequested: z.boolean(),
  requestedBy: z.string(),
  retryOfId: entityId.nullable(),
  queuedAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
});
export type RunView = z.infer<typeof runView>;

export const runQuery = listQuery.extend({
  kind: runKind.optional(),
  state: runState.optional(),
  outcome: runOutcome.optional(),
  sourceId: entityId.optional(),
  vaultId: entityId.optional(),
});
export type RunQuery = z.infer<typeof runQuery>;

export const logLevel = z.enum(['info', 'warn', 'error']);
export type LogLevel = z.infer<typeof logLevel>;
export const runLogLine = z.object({
  /** Decimal string: larger than 2^53 one day. */
  id: z.string(),
  at: instant,
  level: logLevel,
  message: z.string(),
  detail: z.record(z.string(), z.unknown()).nullable(),
});
export type RunLogLine = z.infer<typeof runLogLine>;
export const runLogQuery = z.object({
  /** Lines after this id. */
  after: z.string().regex(/^\d+$/).optional(),
  level: logLevel.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
});
