// What the index files of a repository say about its packs, without holding their blobs: a digest of each pack's list, whether
// the list can be true, and who said it. Memory grows with packs (some 300 bytes each), not with blobs.

import { createHash } from 'node:crypto';
import { isAppError, throwIfCancelled } from '#lib/errors.ts';
import { decodeIndexFile } from '../format/index-file.ts';
import { type BlobType, headerBytes, type PackEntry } from '../format/pack.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { IndexId, PackId } from '../types.ts';

/** One index file's word on one pack. */
export interface PackListing {
  index: IndexId;
  /** Equal for equal lists of blobs, in whatever order they are stored. */
  digest: string;
  /** Bytes the file must have by this list. */
  size: number;
  blobs: number;
  /** Where the first blob ends: a shorter file holds none of them. */
  firstEnd: number;
  /** Why the list cannot be true of any pack. */
  flaw: string | undefined;
  mixed: boolean;
}

export interface IndexSurvey {
  /** Every index file that can be read. */
  files: Set<IndexId>;
  unreadable: { id: IndexId; message: string }[];
  packs: Map<PackId, PackListing[]>;
}

export interface SurveyOptions {
  signal?: AbortSignal;
  onIndex?: (done: number, total: number) => void;
  /** Given each file's content once, for those who want the blobs as well. */
  onContent?: (id: IndexId, packs: ReturnType<typeof decodeIndexFile>) => void;
}

/** Reads every index file once, store.connections at a time. */
export async function surveyIndexes(repo: Repository, options: SurveyOptions = {}): Promise<IndexSurvey> {
  const { signal } = options;
  const ids: IndexId[] = [];
  for await (const { id } of repo.listFiles('index', { signal })) ids.push(id);
  const survey: IndexSurvey = { files: new Set(ids), unreadable: [], packs: new Map() };
  let done = 0;
  await inParallel(ids, repo.store.connections, async (index) => {
    throwIfCancelled(signal);
    try {
      const packs = decodeIndexFile(index, await repo.loadUnpacked('index', index, { signal }));
      for (const { id, blobs } of packs) {
        const listing = describeListing(index, blobs);
        const others = survey.packs.get(id);
        if (others) others.push(listing);
        else survey.packs.set(id, [listing]);
      }
      options.onContent?.(index, packs);
    } catch (error) {
      if (!isAppError(error, 'repository-damaged')) throw error;
      survey.files.delete(index);
      survey.unreadable.push({ id: index, message: error.message });
    }
    options.onIndex?.(++done, ids.length);
  });
  // By the names of the files, whichever came first: the same repository gives the same findings.
  for (const listings of survey.packs.values()) {
    if (listings.length > 1) listings.sort((a, b) => (a.index < b.index ? -1 : a.index > b.index ? 1 : 0));
  }
  return survey;
}

function describeListing(index: IndexId, blobs: readonly PackEntry[]): PackListing {
  const sorted = inPackOrder(blobs);
  return {
    index,
    digest: digestOfSorted(sorted),
    size: sorted.reduce((sum, { length }) => sum + length, 0) + headerBytes(sorted),
    blobs: sorted.length,
    firstEnd: sorted.reduce((end, { offset, length }) => Math.min(end, offset + length), Number.POSITIVE_INFINITY),
    flaw: flawOf(sorted),
    mixed: new Set<BlobType>(sorted.map(({ type }) => type)).size > 1,
  };
}

function inPackOrder(blobs: readonly PackEntry[]): PackEntry[] {
  return [...blobs].sort((a, b) => a.offset - b.offset || a.length - b.length || (a.id < b.id ? -1 : 1));
}

export function digestOfBlobs(blobs: readonly PackEntry[]): string {
  return digestOfSorted(inPackOrder(blobs));
}

function digestOfSorted(blobs: readonly PackEntry[]): string {
  const hash = createHash('sha256');
  for (const { type, id, offset, length, uncompressedLength } of blobs) {
    hash.update(`${type} ${id} ${offset} ${length} ${uncompressedLength ?? ''}\n`);
  }
  return hash.digest('base64');
}

/** Blobs of a pack follow each other without gaps from its first byte: anything else is a wrong offset or length. */
function flawOf(sorted: readonly PackEntry[]): string | undefined {
  if (sorted.length === 0) return 'lists no blobs';
  let end = 0;
  for (const { id, offset, length } of sorted) {
    if (offset < end) return `lets blob ${id.slice(0, 8)} overlap the one before it`;
    if (offset > end) return `leaves a gap before blob ${id.slice(0, 8)}`;
    end = offset + length;
  }
  return undefined;
}
