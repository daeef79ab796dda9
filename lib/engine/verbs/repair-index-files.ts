// Replacing index files while nobody else works on the repository. The order that survives a crash: the new files are
// durable before the first old one goes. In between a pack is in two files, which every reader merges.

import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import { decodeIndexFile, encodeIndexFile } from '../format/index-file.ts';
import type { PackEntry } from '../format/pack.ts';
import type { HeldLock } from '../repository/lock.ts';
import { INDEX_BLOBS } from '../repository/ordered-writer.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { IndexId, PackId } from '../types.ts';
import { digestOfBlobs, type IndexSurvey } from './repair-survey.ts';

export interface WriteAccess {
  lock: HeldLock;
  signal: AbortSignal;
  /** What is going on, for messages: "repair of the index". */
  work: string;
}

/** Throws why the work must end: a lost lock says so itself, anything else was a request. */
export function stopIfAborted(signal: AbortSignal): void {
  if (isAppError(signal.reason)) throw signal.reason;
  throwIfCancelled(signal);
}

/** Every write and every removal asks this first: without the lock somebody else may be at work. */
export function mayWrite(repo: Repository, { lock, signal, work }: WriteAccess): void {
  stopIfAborted(signal);
  if (lock.valid) return;
  throw new AppError('repository-locked', {
    message: `The lock on the repository at ${repo.store.location} was lost; the ${work} stopped before writing more.`,
    retryable: true,
  });
}

interface PackWithBlobs {
  id: PackId;
  blobs: readonly PackEntry[];
}

/** Collects packs into index files of restic's usual size. Packs come one at a time; memory is that of one file. */
export class IndexFileWriter {
  readonly written: IndexId[] = [];
  readonly #repo: Repository;
  readonly #access: WriteAccess;
  #packs: PackWithBlobs[] = [];
  #blobs = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(repo: Repository, access: WriteAccess) {
    this.#repo = repo;
    this.#access = access;
  }

  async add(pack: PackWithBlobs): Promise<void> {
    this.#packs.push(pack);
    this.#blobs += pack.blobs.length;
    if (this.#blobs >= INDEX_BLOBS) await this.flush();
  }

  /** Everything added so far is durable when this resolves. */
  flush(): Promise<void> {
    const packs = this.#packs;
    this.#packs = [];
    this.#blobs = 0;
    const before = this.#writing;
    this.#writing = (async () => {
      await before;
      if (packs.length === 0) return;
      mayWrite(this.#repo, this.#access);
      const { signal } = this.#access;
      this.written.push(await this.#repo.saveUnpacked('index', encodeIndexFile(packs), { signal }));
    })();
    return this.#writing;
  }
}

/** Whether what an index file says about a pack, by its digest, stays. */
export type Stays = (pack: PackId, listing: { index: IndexId; digest: string }) => boolean;

/** Files with something in them that does not stay, or that is there twice. */
export function filesToReplace({ files, packs }: IndexSurvey, stays: Stays): IndexId[] {
  const replaced = new Set<IndexId>();
  for (const [pack, listings] of packs) {
    for (const [i, listing] of listings.entries()) {
      const again = listings.findIndex(({ index }) => index === listing.index) < i;
      if (again || !stays(pack, listing)) replaced.add(listing.index);
    }
  }
  return [...files].filter((index) => replaced.has(index));
}

/** Hands what stays of these files to the writer. */
export async function carryOver(
  repo: Repository,
  indexes: readonly IndexId[],
  stays: Stays,
  writer: IndexFileWriter,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  await inParallel(indexes, repo.store.connections, async (index) => {
    stopIfAborted(signal);
    const packs = decodeIndexFile(index, await repo.loadUnpacked('index', index, { signal }));
    const seen = new Set<string>();
    for (const pack of packs) {
      const digest = digestOfBlobs(pack.blobs);
      if (seen.has(pack.id + digest) || !stays(pack.id, { index, digest })) continue;
      seen.add(pack.id + digest);
      await writer.add(pack);
    }
  });
}

/** Call when everything that is to stay is in other files, and those are durable. */
export async function removeIndexes(repo: Repository, indexes: readonly IndexId[], access: WriteAccess): Promise<void> {
  await inParallel(indexes, repo.store.connections, async (index) => {
    mayWrite(repo, access);
    await repo.removeFile('index', index, { signal: access.signal });
  });
}
