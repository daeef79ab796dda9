// One file out of a snapshot, as a stream, from any offset.

import { AppError, throwIfCancelled } from '#lib/errors.ts';
import type { TreeNode } from '../format/node.ts';
import { plainLength } from '../repository/blob-index.ts';
import type { Repository } from '../repository/repository.ts';
import type { BlobId, PathText, SnapshotId } from '../types.ts';
import { findNode, knowBlob } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

export interface DumpOptions {
  /** First byte; default 0. */
  start?: number;
  /** Bytes; default up to the end. */
  length?: number;
  signal?: AbortSignal;
}

/** Loaded ahead of the reader, in bytes of plaintext and in blobs: enough to keep a remote store busy. */
const AHEAD_BYTES = 24 << 20;
const AHEAD_BLOBS = 16;

export interface DumpedFile {
  node: TreeNode;
  /** Bytes of the whole file, as its blobs add up. */
  size: number;
  content: AsyncGenerator<Buffer>;
}

/** Finds a file and opens it. Throws 'not-found', or 'invalid-input' for what is not a file. */
export async function dumpFile(
  repo: Repository,
  snapshot: SnapshotId,
  path: PathText,
  options: DumpOptions = {},
): Promise<DumpedFile> {
  const { tree } = await loadSnapshot(repo, snapshot, options.signal);
  const node = await findNode(repo, tree, path, options.signal);
  if (node?.type !== 'file') {
    throw new AppError('invalid-input', `"${path}" is a ${node?.type ?? 'dir'} in the snapshot, not a file.`);
  }
  return openFile(repo, node, options);
}

/** Content of a file node. Fails before the first byte when the index lacks one of its blobs. */
export async function openFile(repo: Repository, node: TreeNode, options: DumpOptions = {}): Promise<DumpedFile> {
  const ids = node.content ?? [];
  const lengths: number[] = [];
  let size = 0;
  for (const id of ids) {
    await knowBlob(repo, 'data', id, options.signal);
    const place = repo.lookup('data', id);
    if (!place) throw new AppError('repository-damaged', `The index does not know the data blob ${id} of this file.`);
    lengths.push(plainLength(place));
    size += plainLength(place);
  }
  return { node, size, content: readBlobs(repo, ids, lengths, options) };
}

async function* readBlobs(
  repo: Repository,
  ids: readonly BlobId[],
  lengths: readonly number[],
  { start = 0, length = Number.MAX_SAFE_INTEGER, signal }: DumpOptions,
): AsyncGenerator<Buffer> {
  let skip = start;
  let index = 0;
  while (index < ids.length && skip >= (lengths[index] as number)) skip -= lengths[index++] as number;
  let left = length;
  let unasked = length + skip;
  const ahead: { loading: Promise<Buffer>; length: number }[] = [];
  let aheadBytes = 0;
  while (left > 0) {
    while (index < ids.length && unasked > 0 && ahead.length < AHEAD_BLOBS && aheadBytes < AHEAD_BYTES) {
      const blobLength = lengths[index] as number;
      const loading = repo.loadBlob('data', ids[index] as BlobId, { signal });
      // The failure is thrown when its turn comes; a reader that stops before never sees it.
      loading.catch(() => {});
      ahead.push({ loading, length: blobLength });
      aheadBytes += blobLength;
      unasked -= blobLength;
      index += 1;
    }
    const first = ahead.shift();
    if (!first) return;
    throwIfCancelled(signal);
    const blob = await first.loading;
    aheadBytes -= first.length;
    const part = blob.subarray(skip, skip + left);
    skip = 0;
    left -= part.length;
    yield part;
  }
}
