import { z } from 'zod';
import { absolutePath, count, entityId, instant, pathText } from './common.ts';

export const restoreRequest = z.object({
  recoveryPointId: entityId,
  /** original: where the files came from. folder: into another folder of a worker's machine, which may not exist yet. */
  target: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('original') }),
    z.object({ kind: z.literal('folder'), path: absolutePath, workerId: entityId }),
  ]),
  /** Paths inside the recovery point; empty means all. */
  include: z.array(pathText).max(10_000).default([]),
  overwrite: z.enum(['always', 'if-changed', 'if-newer', 'never']).default('if-changed'),
  /** Read back what was written and compare. */
  verify: z.boolean().default(true),
});
export type RestoreRequest = z.infer<typeof restoreRequest>;

export const restoreChange = z.object({
  target: pathText,
  path: pathText,
  type: z.string(),
  action: z.enum(['create', 'overwrite', 'keep', 'unsupported']),
  size: count,
  reason: z.string().optional(),
});

const amount = z.object({ count, bytes: count });
export const restorePlanSummary = z.object({
  create: amount,
  overwrite: amount,
  keep: amount,
  extra: z.object({ count }),
  unsupported: z.object({ count }),
  freeBytes: count.optional(),
  /** Folder that receives the files. */
  targetPath: pathText,
  /** The first 500 changes of each action, overwrites first. */
  changes: z.array(restoreChange),
});

export const restorePlanView = z.object({
  id: entityId,
  recoveryPointId: entityId,
  request: restoreRequest,
  state: z.enum(['planning', 'ready', 'failed', 'spent']),
  summary: restorePlanSummary.nullable(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).nullable(),
  createdAt: instant,
});
export type RestorePlanView = z.infer<typeof restorePlanView>;

/** Spends a plan: starts the restore run it describes. */
export const executeRestore = z.object({ planId: entityId });
export type ExecuteRestore = z.infer<typeof executeRestore>;
