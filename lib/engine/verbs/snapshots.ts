// Snapshots of a repository and the names people give them: "latest", the first digits of an id, and
// "<snapshot>:<folder>" for a part of one.

import { AppError, isAppError } from '#lib/errors.ts';
import { decodeSnapshot } from '../format/snapshot.ts';
import { parseTime } from '../format/time.ts';
import type { Repository } from '../repository/repository.ts';
import type { PathText, Problem, Snapshot, SnapshotId } from '../types.ts';

export interface SnapshotFilter {
  hostname?: string;
  /** One of these, when there are any. */
  hostnames?: readonly string[];
  /** Every one of these must be among the snapshot's paths. */
  paths?: readonly string[];
  /** Every one of these must be among the snapshot's tags. */
  tags?: readonly string[];
  /** All of at least one of these lists, when there are any: restic's "--tag a,b --tag c". An empty list: no tags at all. */
  tagLists?: readonly (readonly string[])[];
}

export interface ListSnapshotsOptions extends SnapshotFilter {
  /** Told about each snapshot that cannot be read. Without it the first such snapshot is an error. */
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
}

const ID = /^[0-9a-f]{64}$/;

/** All snapshots, oldest first. */
export async function listSnapshots(repo: Repository, options: ListSnapshotsOptions = {}): Promise<Snapshot[]> {
  const ids: SnapshotId[] = [];
  for await (const { id } of repo.listFiles('snapshot', { signal: options.signal })) ids.push(id);
  const loaded = await Promise.all(ids.map((id) => loadOrReport(repo, id, options)));
  return loaded
    .filter((snapshot) => snapshot !== undefined)
    .filter((snapshot) => matches(snapshot, options))
    .map((snapshot) => ({ snapshot, time: parseTime(snapshot.time) }))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.snapshot.id < b.snapshot.id ? -1 : 1))
    .map(({ snapshot }) => snapshot);
}

async function loadOrReport(
  repo: Repository,
  id: SnapshotId,
  { onProblem, signal }: ListSnapshotsOptions,
): Promise<Snapshot | undefined> {
  try {
    return await loadSnapshot(repo, id, signal);
  } catch (error) {
    // Another program may forget a snapshot between the listing and now.
    if (isAppError(error, 'not-found')) return undefined;
    if (!onProblem || isAppError(error, 'cancelled')) throw error;
    onProblem({ path: `snapshots/${id}`, during: 'read', message: (error as Error).message });
    return undefined;
  }
}

export async function loadSnapshot(repo: Repository, id: SnapshotId, signal?: AbortSignal): Promise<Snapshot> {
  return decodeSnapshot(id, await repo.loadUnpacked('snapshot', id, { signal }));
}

function matches(snapshot: Snapshot, filter: SnapshotFilter): boolean {
  const { hostname, hostnames = [], paths = [], tags = [], tagLists = [] } = filter;
  if (hostname !== undefined && snapshot.hostname !== hostname) return false;
  if (hostnames.length > 0 && !hostnames.includes(snapshot.hostname ?? '')) return false;
  const hasAll = (list: readonly string[]) =>
    list.length === 0 ? !snapshot.tags?.length : list.every((tag) => snapshot.tags?.includes(tag));
  if (tagLists.length > 0 && !tagLists.some(hasAll)) return false;
  if (!paths.every((path) => snapshot.paths.includes(path))) return false;
  return tags.every((tag) => snapshot.tags?.includes(tag));
}

export interface ResolvedSnapshot {
  snapshot: Snapshot;
  /** '/' or the folder after the colon. */
  folder: PathText;
}

/** Finds the snapshot a person means. Throws 'not-found' for none, 'invalid-input' for an ambiguous prefix. */
export async function resolveSnapshot(
  repo: Repository,
  reference: string,
  filter: SnapshotFilter & { signal?: AbortSignal } = {},
): Promise<ResolvedSnapshot> {
  const colon = reference.indexOf(':');
  const name = colon < 0 ? reference : reference.slice(0, colon);
  const folder = colon < 0 ? '/' : reference.slice(colon + 1) || '/';
  if (name === 'latest') {
    const newest = (await listSnapshots(repo, filter)).at(-1);
    if (newest) return { snapshot: newest, folder };
    throw new AppError('not-found', {
      message: 'The repository has no snapshot that fits.',
      hint: 'Make one with "backup", or look at them all with "snapshots".',
    });
  }
  if (ID.test(name)) return { snapshot: await loadSnapshot(repo, name as SnapshotId, filter.signal), folder };
  if (!/^[0-9a-f]+$/.test(name)) {
    throw new AppError('invalid-input', {
      message: `"${name}" is not a snapshot id.`,
      hint: 'Give "latest" or the first digits of an id, as "snapshots" prints them.',
    });
  }
  const found: SnapshotId[] = [];
  for await (const { id } of repo.listFiles('snapshot', { signal: filter.signal })) {
    if (id.startsWith(name)) found.push(id);
  }
  const [only, second] = found;
  if (!only) throw new AppError('not-found', `No snapshot has an id that starts with "${name}".`);
  if (second) throw new AppError('invalid-input', `${found.length} snapshots have an id that starts with "${name}".`);
  return { snapshot: await loadSnapshot(repo, only, filter.signal), folder };
}
