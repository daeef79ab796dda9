import { z } from 'zod';
import { count, entityId, hexId, instant, listQuery, pathText } from './common.ts';

export const recoveryPointView = z.object({
  id: entityId,
  snapshotId: hexId,
  time: instant,
  vault: z.object({ id: entityId, name: z.string() }),
  source: z.object({ id: entityId, name: z.string() }).nullable(),
  runId: entityId.nullable(),
  hostname: z.string(),
  paths: z.array(z.string()),
  files: count,
  bytes: count,
  addedBytes: count,
  storedBytes: count,
  problemCount: count,
  /** When a check found that its snapshot is gone from the vault: nothing can be browsed or restored. Null while it is there. */
  missingSince: instant.nullable(),
});
export type RecoveryPointView = z.infer<typeof recoveryPointView>;

export const recoveryPointDetail = recoveryPointView.extend({
  /** The folder of the snapshot that is the source's own folder: where browsing starts. */
  rootPath: pathText,
  /** The points of the same source just before and after. */
  previousId: entityId.nullable(),
  nextId: entityId.nullable(),
});
export type RecoveryPointDetail = z.infer<typeof recoveryPointDetail>;

export const recoveryPointQuery = listQuery.extend({
  sourceId: entityId.optional(),
  vaultId: entityId.optional(),
  before: instant.optional(),
  after: instant.optional(),
});
export type RecoveryPointQuery = z.infer<typeof recoveryPointQuery>;

export const entryView = z.object({
  name: pathText,
  path: pathText,
  type: z.enum(['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'irregular']),
  size: count,
  /** As `ls -l` prints it: "-rw-r--r--". */
  mode: z.string(),
  mtime: z.string(),
  owner: z.string(),
  group: z.string(),
  linkTarget: pathText.optional(),
});
export type EntryView = z.infer<typeof entryView>;

export const entryQuery = z.object({
  path: pathText.default('/'),
  /** Keeps entries whose name contains it, ignoring case. */
  search: z.string().max(200).optional(),
  sort: z.enum(['name', 'size', 'mtime']).default('name'),
  order: z.enum(['asc', 'desc']).default('asc'),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export type EntryQuery = z.infer<typeof entryQuery>;

export const entryPage = z.object({
  path: pathText,
  entries: z.array(entryView),
  /** Entries of the folder, and those that the search keeps. */
  total: count,
  matching: count,
  /** Entries that are not shown because their names cannot be trusted or stand twice: a sentence each, 100 at most. */
  problems: z.array(z.string()).default([]),
});
export type EntryPage = z.infer<typeof entryPage>;

export const downloadQuery = z.object({
  /** One or several paths; a folder, or several, come as an archive. */
  path: z.union([pathText, z.array(pathText).max(200)]),
  format: z.enum(['tar', 'zip']).default('zip'),
});
export type DownloadQuery = z.infer<typeof downloadQuery>;

export const diffQuery = z.object({
  with: entityId,
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export const diffView = z.object({
  from: recoveryPointView,
  to: recoveryPointView,
  totals: z.object({
    added: count,
    removed: count,
    modified: count,
    metadata: count,
    type: count,
    bytesAdded: count,
    bytesRemoved: count,
  }),
  /** Comparison stops at 100,000 changes. */
  truncated: z.boolean(),
  /** Entries that were not compared because their names cannot be trusted or their folder cannot be read: a sentence each, 100 at most. */
  problems: z.array(z.string()).default([]),
  changes: z.array(
    z.object({
      path: pathText,
      change: z.enum(['added', 'removed', 'modified', 'metadata', 'type']),
      type: z.string(),
      sizeBefore: count.optional(),
      sizeAfter: count.optional(),
    }),
  ),
});
export type DiffView = z.infer<typeof diffView>;
