import { z } from 'zod';
import { absolutePath, count, displayName, entityId, instant } from './common.ts';

/** gitignore patterns, relative to the folder. */
export const excludes = z.array(z.string().trim().min(1).max(1000)).max(500).default([]);

export const directorySource = z.object({ kind: z.literal('directory'), path: absolutePath, excludes });
/** What a source protects. Databases, volumes and applications join this union. */
export const sourceConfig = z.discriminatedUnion('kind', [directorySource]);
export type SourceConfig = z.infer<typeof sourceConfig>;

export const createSource = z.object({ name: displayName, workerId: entityId, config: sourceConfig });
export type CreateSource = z.infer<typeof createSource>;

export const updateSource = z.object({ name: displayName.optional(), config: sourceConfig.optional() });
export type UpdateSource = z.infer<typeof updateSource>;

/**
 * protected: newest backup good. warning: it skipped files. failed: newest backup failed or was lost. missing: its recovery point is
 * gone from the vault. never: no recovery point.
 */
export const sourceState = z.enum(['protected', 'warning', 'failed', 'missing', 'never']);
export type SourceState = z.infer<typeof sourceState>;

export const dayOutcome = z.object({
  /** YYYY-MM-DD in UTC. */
  day: z.iso.date(),
  outcome: z.enum(['succeeded', 'warning', 'failed', 'none']),
  runs: count,
});

export const sourceView = z.object({
  id: entityId,
  name: z.string(),
  config: sourceConfig,
  worker: z.object({ id: entityId, name: z.string(), online: z.boolean() }),
  createdAt: instant,
  state: sourceState,
  /** Newest recovery point that is still in its vault. */
  lastPoint: z
    .object({ id: entityId, time: instant, bytes: count, files: count, vaultId: entityId, vaultName: z.string() })
    .nullable(),
  lastRun: z.object({ id: entityId, state: z.string(), outcome: z.string().nullable(), at: instant }).nullable(),
  recoveryPoints: count,
  /** 30 days, oldest first. */
  strip: z.array(dayOutcome),
});
export type SourceView = z.infer<typeof sourceView>;

export const startBackup = z.object({ vaultId: entityId });
export type StartBackup = z.infer<typeof startBackup>;
