import { z } from 'zod';
import { count, entityId, instant, pathText } from './common.ts';

export const workerView = z.object({
  id: entityId,
  name: z.string(),
  hostname: z.string(),
  platform: z.string(),
  version: z.string(),
  pid: z.number().int(),
  concurrency: z.number().int(),
  /** online: seen in the last 30 s; stopped: said goodbye; lost: went silent. */
  state: z.enum(['online', 'stopped', 'lost']),
  startedAt: instant,
  lastSeenAt: instant,
  runningRuns: count,
  sources: count,
});
export type WorkerView = z.infer<typeof workerView>;

/** One folder of a host, for the folder picker; answered by the worker on that host. */
export const folderQuery = z.object({
  path: z.string().max(4096).default('/'),
  /** Hidden folders (".name") are left out unless asked for. */
  hidden: z.stringbool().default(false),
});
export const folderListing = z.object({
  path: pathText,
  /** False: there is no such folder, and all else is empty. */
  exists: z.boolean().default(true),
  parent: pathText.nullable(),
  folders: z.array(z.object({ name: pathText, path: pathText, readable: z.boolean() })),
  /** How many files stand beside the folders; they cannot be picked. */
  files: count,
  /** More than 2,000 folders: the rest is cut. */
  truncated: z.boolean(),
  writable: z.boolean(),
  /** Free bytes of its file system. */
  freeBytes: count.optional(),
});
export type FolderListing = z.infer<typeof folderListing>;
