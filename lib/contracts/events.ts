// What the live channel carries: courier (worker -> web) and SSE (web -> browser). News only: the rows are the truth.

import { z } from 'zod';
import { entityId } from './common.ts';
import { runLogLine, runOutcome, runProgress, runState } from './runs.ts';

export const liveEvent = z.discriminatedUnion('type', [
  /** A run was made, changed state or made progress. Merge by version. */
  z.object({
    type: z.literal('run'),
    runId: entityId,
    version: z.number().int(),
    state: runState,
    outcome: runOutcome.nullable(),
    progress: runProgress.nullable(),
  }),
  z.object({ type: z.literal('run-log'), runId: entityId, lines: z.array(runLogLine) }),
  /** Something of that noun changed: refetch what shows it. */
  z.object({
    type: z.literal('changed'),
    noun: z.enum(['vault', 'source', 'recovery-point', 'worker', 'restore-plan']),
    id: z.string(),
  }),
]);
export type LiveEvent = z.infer<typeof liveEvent>;

/** worker-bound news. */
export const cancelNotice = z.object({ runId: entityId });
