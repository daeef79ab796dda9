import { z } from 'zod';
import { absolutePath, count, displayName, entityId, hexId, instant } from './common.ts';

export const localStore = z.object({ kind: z.literal('local'), path: absolutePath });
/** Where a vault's bytes are. Other kinds join this union. */
export const storeConfig = z.discriminatedUnion('kind', [localStore]);
export type StoreConfig = z.infer<typeof storeConfig>;

export const createVault = z.object({
  name: displayName,
  store: storeConfig,
  zone: z.string().trim().max(60).optional(),
});
export type CreateVault = z.infer<typeof createVault>;

export const updateVault = z.object({
  name: displayName.optional(),
  zone: z.string().trim().max(60).nullable().optional(),
});
export type UpdateVault = z.infer<typeof updateVault>;

export const vaultView = z.object({
  id: entityId,
  name: z.string(),
  store: storeConfig,
  zone: z.string().nullable(),
  repositoryId: hexId,
  createdAt: instant,
  kitDownloadedAt: instant.nullable(),
  /** Bytes of all packs. */
  storedBytes: count,
  /** Bytes of all unique blobs before compression. */
  uniqueBytes: count,
  /** Bytes that all recovery points would restore to. */
  logicalBytes: count,
  /** logicalBytes / storedBytes; null while empty. */
  dedupRatio: z.number().nullable(),
  measuredAt: instant.nullable(),
  /** Free bytes of the file system it is on; null where unknown. */
  freeBytes: count.nullable(),
  recoveryPoints: count,
  sources: count,
  lastRunAt: instant.nullable(),
  /** Newest check that ended and was not cancelled; one that could not be done is not ok. */
  lastCheck: z.object({ runId: entityId, at: instant, ok: z.boolean(), readData: z.boolean() }).nullable(),
  /** Whether the folder can be reached from the web process, asked now; a sentence when it cannot. */
  unreachable: z.string().nullable(),
});
export type VaultView = z.infer<typeof vaultView>;

export const vaultSample = z.object({
  at: instant,
  storedBytes: count,
  uniqueBytes: count,
  logicalBytes: count,
  recoveryPoints: count,
});
export const vaultDetail = vaultView.extend({
  /** Oldest first, at most 400. */
  growth: z.array(vaultSample),
  bySource: z.array(
    z.object({
      sourceId: entityId.nullable(),
      name: z.string(),
      recoveryPoints: count,
      newestAt: instant,
      logicalBytes: count,
    }),
  ),
});
export type VaultDetail = z.infer<typeof vaultDetail>;

export const checkVault = z.object({ readData: z.boolean().default(false) });
export type CheckVault = z.infer<typeof checkVault>;
