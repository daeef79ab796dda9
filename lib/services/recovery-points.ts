// Recovery points as the API and the screens use them: rows for lists, the repository itself for what is in them.

import type { Actor } from '#lib/contracts/access.ts';
import type { Page } from '#lib/contracts/common.ts';
import type {
  EntryPage,
  EntryQuery,
  EntryView,
  RecoveryPointDetail,
  RecoveryPointQuery,
  RecoveryPointView,
} from '#lib/contracts/recovery-points.ts';
import * as rows from '#lib/db/recovery-points.ts';
import { modeText } from '#lib/engine/format/mode.ts';
import { pathTextFromBytes } from '#lib/engine/format/path-text.ts';
import type { Entry, PathText, SnapshotId } from '#lib/engine/types.ts';
import { listFolder } from '#lib/engine/verbs/ls.ts';
import { AppError } from '#lib/errors.ts';
import { readVault } from './open-vault.ts';
import { requirePermission } from './permission.ts';

export async function listRecoveryPoints(actor: Actor, query: RecoveryPointQuery): Promise<Page<RecoveryPointView>> {
  requirePermission(actor, 'recovery-point:read');
  return rows.listRecoveryPoints(query);
}

export async function getRecoveryPoint(actor: Actor, id: string): Promise<RecoveryPointDetail> {
  requirePermission(actor, 'recovery-point:read');
  const point = await existingPoint(id);
  return { ...point, rootPath: rootPath(point), ...(await rows.findNeighbours(point)) };
}

/** One folder, searched, sorted and in pages. The engine keeps the folders it read, so that paging costs no reading. */
export async function listEntries(
  actor: Actor,
  id: string,
  query: EntryQuery,
  signal?: AbortSignal,
): Promise<EntryPage> {
  requirePermission(actor, 'recovery-point:browse');
  const point = await existingPoint(id);
  const listing = await readVault(point.vault.id, ({ repository }) =>
    listFolder(repository, point.snapshotId as SnapshotId, query.path, { ...query, signal }),
  );
  return {
    path: listing.path === '' ? '/' : listing.path,
    entries: listing.entries.map(entryView),
    total: listing.total,
    matching: listing.matching,
    problems: listing.problems,
  };
}

export async function existingPoint(id: string): Promise<RecoveryPointView> {
  const point = await rows.findRecoveryPoint(id);
  if (point === null) throw new AppError('not-found', { message: 'There is no such recovery point.' });
  return point;
}

/** Browsing starts at the source's folder; a snapshot of several folders starts above them all. */
export function rootPath(point: Pick<RecoveryPointView, 'paths'>): PathText {
  const [only, second] = point.paths;
  if (only === undefined || second !== undefined) return '/';
  return pathTextFromBytes(Buffer.from(only, 'utf8')).replace(/(?<=.)\/+$/, '');
}

function entryView(entry: Entry): EntryView {
  return {
    name: entry.name,
    path: entry.path,
    type: entry.type,
    size: entry.size,
    mode: modeText(entry.type, entry.mode),
    mtime: entry.mtime,
    owner: entry.user || String(entry.uid),
    group: entry.group || String(entry.gid),
    ...(entry.linkTarget === undefined ? {} : { linkTarget: entry.linkTarget }),
  };
}
