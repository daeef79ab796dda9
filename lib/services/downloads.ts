// Content of a recovery point on its way to a browser. Streams hold the vault's reader until they end.

import { hash } from 'node:crypto';
import type { Actor } from '#lib/contracts/access.ts';
import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import { insertAudit } from '#lib/db/audit.ts';
import { bytesFromPathText } from '#lib/engine/format/path-text.ts';
import type { Repository } from '#lib/engine/repository/repository.ts';
import type { PathText, SnapshotId } from '#lib/engine/types.ts';
import { dumpFile } from '#lib/engine/verbs/dump.ts';
import { dumpArchive } from '#lib/engine/verbs/dump-archive.ts';
import { AppError, isAppError } from '#lib/errors.ts';
import { LeftOut } from './left-out.ts';
import { holdVault } from './open-vault.ts';
import { requirePermission } from './permission.ts';
import { existingPoint } from './recovery-points.ts';

export interface DownloadRequest {
  /** One file comes as it is; a folder or several paths come as an archive. */
  paths: readonly PathText[];
  format: 'tar' | 'zip';
  /** Bytes wanted of a single file; `end` inclusive. */
  range?: { start: number; end?: number } | undefined;
}

export interface OpenedDownload {
  name: string;
  size?: number;
  range?: { start: number; end: number };
  etag?: string;
  content: AsyncIterable<Uint8Array>;
}

/** Errors before the first byte: 'not-found', 'invalid-input', those of opening the vault. Later ones break the stream. */
export async function openDownload(
  actor: Actor,
  pointId: string,
  request: DownloadRequest,
  signal?: AbortSignal,
): Promise<OpenedDownload> {
  requirePermission(actor, 'recovery-point:download');
  const point = await existingPoint(pointId);
  if (request.paths.length === 0) throw new AppError('invalid-input', 'Name at least one path.');
  const held = await holdVault(point.vault.id);
  const stop = new AbortController();
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    signal?.removeEventListener('abort', release);
    stop.abort(signal?.reason);
    held.done();
  };
  // A browser that goes before the first byte was asked for never starts the content, so its end would never come.
  if (signal?.aborted) release();
  else signal?.addEventListener('abort', release, { once: true });
  try {
    const opened = await open(held.repository, point, request, stop.signal);
    await insertAudit({
      actor,
      action: 'recovery-point.download',
      subjectKind: 'recovery-point',
      subjectId: point.id,
      subjectName: point.source?.name ?? point.vault.name,
      detail: { paths: request.paths.slice(0, 20), count: request.paths.length },
    });
    return { ...opened, content: releasing(opened.content, release) };
  } catch (error) {
    release();
    throw error;
  }
}

async function open(
  repository: Repository,
  point: RecoveryPointView,
  request: DownloadRequest,
  signal: AbortSignal,
): Promise<OpenedDownload> {
  const snapshot = point.snapshotId as SnapshotId;
  const [only, second] = request.paths;
  if (only !== undefined && second === undefined) {
    const file = await openFile(repository, snapshot, only, request.range, signal);
    if (file !== undefined) return { ...file, etag: etagOf(point, only) };
  }
  const missing = new LeftOut(point);
  const content = await dumpArchive(repository, snapshot, request.paths, {
    format: request.format,
    signal,
    onProblem: (problem) => missing.add(problem),
    closing: () => missing.note(),
  });
  return { name: `${archiveName(point, request.paths)}.${request.format}`, content };
}

/** Undefined when the path is no file. */
async function openFile(
  repository: Repository,
  snapshot: SnapshotId,
  path: PathText,
  range: DownloadRequest['range'],
  signal: AbortSignal,
): Promise<Omit<OpenedDownload, 'etag'> | undefined> {
  const name = lastPart(path);
  try {
    const whole = await dumpFile(repository, snapshot, path, { signal });
    if (range === undefined || range.start >= whole.size) return { name, size: whole.size, content: whole.content };
    await whole.content.return(undefined);
    const end = Math.min(range.end ?? Number.POSITIVE_INFINITY, whole.size - 1);
    const part = await dumpFile(repository, snapshot, path, {
      start: range.start,
      length: end - range.start + 1,
      signal,
    });
    return { name, size: whole.size, range: { start: range.start, end }, content: part.content };
  } catch (error) {
    if (isAppError(error, 'invalid-input')) return undefined;
    throw error;
  }
}

function archiveName(point: RecoveryPointView, paths: readonly PathText[]): string {
  const [only, second] = paths;
  const day = point.time.slice(0, 10);
  const part = only !== undefined && second === undefined ? lastPart(only) : '';
  return `${part || point.source?.name || point.vault.name}-${day}`;
}

/** As the file is called, not as its name is written: of an escaped newline the browser would keep the "n". */
function lastPart(path: PathText): string {
  return bytesFromPathText(path.replace(/\/+$/, '').split('/').at(-1) ?? '').toString('utf8');
}

/** A snapshot never changes, so point and path name the bytes. */
function etagOf(point: RecoveryPointView, path: PathText): string {
  return `"${hash('sha256', `${point.snapshotId} ${path}`, 'hex').slice(0, 32)}"`;
}

async function* releasing(content: AsyncIterable<Uint8Array>, release: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } finally {
    release();
  }
}
