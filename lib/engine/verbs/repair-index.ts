// Rebuilding the index from what the packs themselves say: their headers are the truth, index files only repeat them.
// Headers are read only of packs that no index knows, or that cannot be as the index says; with `readAllPacks` of all.
// Index files that are right stay as they are.
//
// Nothing that may still be of use is forgotten: a pack whose header cannot be read, but whose blobs an index lists,
// stays listed and is named, so that "repair packs" can save what opens. One that no index knows is left out and named.

import { isAppError } from '#lib/errors.ts';
import type { PackEntry } from '../format/pack.ts';
import { fileName } from '../repository/files.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import { throttled } from '../restore/plan-items.ts';
import type { IndexId, PackId } from '../types.ts';
import {
  carryOver,
  filesToReplace,
  IndexFileWriter,
  removeIndexes,
  type Stays,
  stopIfAborted,
  type WriteAccess,
} from './repair-index-files.ts';
import { readHeaderOf } from './repair-packs-header.ts';
import { digestOfBlobs, type IndexSurvey, type PackListing, surveyIndexes } from './repair-survey.ts';

export interface RepairIndexProgress {
  phase: 'index' | 'packs' | 'headers' | 'writing';
  done: number;
  total: number;
}

export interface RepairIndexOptions {
  /** Compare every pack's header with the index: finds wrong entries whose lengths happen to fit. */
  readAllPacks?: boolean;
  /** Find out and change nothing. */
  dryRun?: boolean;
  onProgress?: (progress: RepairIndexProgress) => void;
  signal?: AbortSignal;
}

export interface RepairIndexFinding {
  kind: 'unreadable-index' | 'unknown-pack' | 'missing-pack' | 'wrong-index' | 'duplicate-index' | 'damaged-pack';
  /** A sentence for a person: what was found, and what became of it. */
  message: string;
  pack?: PackId;
  index?: IndexId;
}

export interface RepairIndexResult {
  dryRun: boolean;
  /** Packs in the repository. */
  packs: number;
  headersRead: number;
  indexFiles: { kept: number; written: number; removed: number };
  findings: RepairIndexFinding[];
  /** Packs for "repair packs": their header cannot be read, blobs of theirs may still open. */
  damagedPacks: PackId[];
}

/** Takes the repository to itself. Running it again finds nothing more to do. */
export async function repairIndex(repo: Repository, options: RepairIndexOptions = {}): Promise<RepairIndexResult> {
  const lock = await repo.lock(options.dryRun ? 'shared' : 'exclusive', { signal: options.signal });
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, lock.signal]) : lock.signal;
    return await new IndexRepair(repo, options, { lock, signal, work: 'repair of the index' }).run();
  } finally {
    await lock.release();
  }
}

class IndexRepair {
  readonly #repo: Repository;
  readonly #options: RepairIndexOptions;
  readonly #access: WriteAccess;
  readonly #report: (value: () => RepairIndexProgress, force?: boolean) => void;
  readonly #findings: RepairIndexFinding[] = [];
  readonly #damaged: PackId[] = [];
  /** The listing of a pack that stays; packs that are not here come from their headers, or are left out. */
  readonly #owner = new Map<PackId, Pick<PackListing, 'index' | 'digest'>>();
  readonly #doubted = new Set<PackId>();

  constructor(repo: Repository, options: RepairIndexOptions, access: WriteAccess) {
    this.#repo = repo;
    this.#options = options;
    this.#access = access;
    this.#report = throttled(options.onProgress);
  }

  async run(): Promise<RepairIndexResult> {
    const { signal } = this.#access;
    const dryRun = this.#options.dryRun ?? false;
    const survey = await surveyIndexes(this.#repo, {
      signal,
      onIndex: (done, total) => this.#report(() => ({ phase: 'index', done, total })),
    });
    for (const { id, message } of survey.unreadable) {
      this.#find({ kind: 'unreadable-index', message: `${message} It is replaced by what the packs say.`, index: id });
    }
    const sizes = await this.#listPacks();
    await this.#findMissing(survey, sizes);
    const toRead = this.#judge(survey, sizes);
    const writer = new IndexFileWriter(this.#repo, this.#access);
    await this.#readHeaders(survey, sizes, toRead, dryRun ? undefined : writer);
    this.#settleOwners(survey);

    const stays: Stays = (pack, { index, digest }) => {
      const owner = this.#owner.get(pack);
      return owner?.index === index && owner.digest === digest;
    };
    const replaced = filesToReplace(survey, stays);
    const obsolete = [...replaced, ...survey.unreadable.map(({ id }) => id)];
    if (!dryRun) {
      this.#report(() => ({ phase: 'writing', done: 0, total: obsolete.length }), true);
      await carryOver(this.#repo, replaced, stays, writer, { signal });
      await writer.flush();
      await removeIndexes(this.#repo, obsolete, this.#access);
    }
    return {
      dryRun,
      packs: sizes.size,
      headersRead: toRead.length,
      indexFiles: {
        kept: survey.files.size - replaced.length,
        written: writer.written.length,
        removed: obsolete.length,
      },
      findings: this.#findings,
      damagedPacks: this.#damaged,
    };
  }

  #find(finding: RepairIndexFinding): void {
    this.#findings.push(finding);
  }

  async #listPacks(): Promise<Map<PackId, number>> {
    const sizes = new Map<PackId, number>();
    for await (const { id, size } of this.#repo.listFiles('pack', this.#access)) sizes.set(id, size);
    this.#report(() => ({ phase: 'packs', done: sizes.size, total: sizes.size }));
    return sizes;
  }

  /** A pack is gone when the store says so about this very pack: a listing may be incomplete. */
  async #findMissing({ packs }: IndexSurvey, sizes: Map<PackId, number>): Promise<void> {
    const unseen = [...packs.keys()].filter((id) => !sizes.has(id));
    await inParallel(unseen, this.#repo.store.connections, async (pack) => {
      try {
        const { size } = await this.#repo.store.stat(fileName('pack', pack), this.#access);
        sizes.set(pack, size);
      } catch (error) {
        if (!isAppError(error, 'not-found')) throw error;
        this.#find({ kind: 'missing-pack', message: `Pack ${pack} is missing; the index forgets it.`, pack });
      }
    });
  }

  /** Says which headers must be read, and gives every other pack the file whose word stays. */
  #judge({ packs }: IndexSurvey, sizes: Map<PackId, number>): PackId[] {
    const toRead: PackId[] = [];
    for (const [pack, size] of sizes) {
      const listings = packs.get(pack);
      const [first] = listings ?? [];
      if (!listings || !first) {
        toRead.push(pack);
        continue;
      }
      const wrong = wrongness(listings, size);
      if (wrong) {
        this.#doubted.add(pack);
        this.#find({ kind: 'wrong-index', message: `Pack ${pack}: ${wrong}; its header is read.`, pack });
      }
      if (wrong || this.#options.readAllPacks) toRead.push(pack);
      else this.#owner.set(pack, first);
    }
    return toRead;
  }

  async #readHeaders(
    { packs }: IndexSurvey,
    sizes: Map<PackId, number>,
    toRead: readonly PackId[],
    writer: IndexFileWriter | undefined,
  ): Promise<void> {
    let done = 0;
    await inParallel(toRead, this.#repo.store.connections, async (pack) => {
      stopIfAborted(this.#access.signal);
      const listings = packs.get(pack) ?? [];
      let blobs: PackEntry[] | undefined;
      try {
        blobs = await readHeaderOf(this.#repo, pack, sizes.get(pack) ?? 0, this.#access);
      } catch (error) {
        if (!isAppError(error, 'repository-damaged')) throw error;
        this.#unreadableHeader(pack, listings, sizes.get(pack) ?? 0, error.message);
      }
      if (blobs) await this.#header(pack, blobs, listings, writer);
      this.#report(() => ({ phase: 'headers', done: ++done, total: toRead.length }));
    });
  }

  async #header(
    pack: PackId,
    blobs: PackEntry[],
    listings: readonly PackListing[],
    writer: IndexFileWriter | undefined,
  ): Promise<void> {
    const digest = digestOfBlobs(blobs);
    const right = listings.find((listing) => listing.digest === digest);
    if (right) {
      this.#owner.set(pack, right);
      return;
    }
    if (listings.length === 0) {
      this.#find({ kind: 'unknown-pack', message: `Pack ${pack} is in no index; it is added.`, pack });
    } else if (!this.#doubted.has(pack)) {
      const message = `Pack ${pack}: its header differs from the index; the header is taken.`;
      this.#find({ kind: 'wrong-index', message, pack });
    }
    await writer?.add({ id: pack, blobs });
  }

  #unreadableHeader(pack: PackId, listings: readonly PackListing[], size: number, message: string): void {
    const fits = listings.find((listing) => listing.size === size && !listing.flaw);
    const best = fits ?? listings.find((listing) => listing.firstEnd <= size);
    if (best) {
      this.#owner.set(pack, best);
      this.#damaged.push(pack);
      const advice = 'It stays in the index, so that "repair packs" can save the blobs that still open.';
      this.#find({ kind: 'damaged-pack', message: `${message} ${advice}`, pack });
    } else {
      this.#find({ kind: 'damaged-pack', message: `${message} It is left out of the index.`, pack });
    }
  }

  /** Of several files that say the same about a pack, the largest that stays anyway keeps it: less is written again. */
  #settleOwners({ packs }: IndexSurvey): void {
    const agrees = (pack: PackId, { digest }: PackListing) => this.#owner.get(pack)?.digest === digest;
    const replacedAnyway = new Set<IndexId>();
    for (const [pack, listings] of packs) {
      for (const listing of listings) if (!agrees(pack, listing)) replacedAnyway.add(listing.index);
    }
    const sizes = new Map<IndexId, number>();
    for (const { index } of [...packs.values()].flat()) sizes.set(index, (sizes.get(index) ?? 0) + 1);
    const rank = ({ index }: PackListing) => (replacedAnyway.has(index) ? 0 : (sizes.get(index) ?? 0));
    for (const [pack, listings] of packs) {
      if (listings.length === 1) continue;
      const equal = listings.filter((listing) => agrees(pack, listing));
      const keeper = equal.toSorted((a, b) => rank(b) - rank(a))[0];
      if (!keeper) continue;
      this.#owner.set(pack, keeper);
      if (equal.length < 2) continue;
      const message = `Pack ${pack} is listed ${equal.length} times; once is enough.`;
      this.#find({ kind: 'duplicate-index', message, pack });
    }
  }
}

/** Why the listings of a pack of `size` bytes cannot be true; undefined when they can. */
function wrongness(listings: readonly PackListing[], size: number): string | undefined {
  const [first] = listings as [PackListing, ...PackListing[]];
  if (listings.some(({ digest }) => digest !== first.digest)) return 'index files contradict each other about it';
  if (first.size !== size) return `it has ${size} bytes, by the index ${first.size}`;
  return first.flaw && `the index ${first.flaw}`;
}
