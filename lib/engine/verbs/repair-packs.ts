// Saving what can be saved of damaged packs: every blob that still opens, by the index or by the pack's own header, goes
// into a new pack; then the index forgets the damaged ones, then they are removed. In that order, so that a crash at any
// point leaves every good blob listed.

import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, isAppError } from '#lib/errors.ts';
import type { BlobType, PackEntry } from '../format/pack.ts';
import { BlobSaver } from '../repository/blob-saver.ts';
import { fileName, isId } from '../repository/files.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import { throttled } from '../restore/plan-items.ts';
import type { PackId } from '../types.ts';
import {
  carryOver,
  filesToReplace,
  IndexFileWriter,
  mayWrite,
  removeIndexes,
  type Stays,
  stopIfAborted,
  type WriteAccess,
} from './repair-index-files.ts';
import { readHeaderOf } from './repair-packs-header.ts';
import { surveyIndexes } from './repair-survey.ts';

export interface RepairPacksProgress {
  /** Packs. */
  done: number;
  total: number;
  blobsSaved: number;
}

export interface RepairPacksOptions {
  packs: readonly string[];
  /** Folder that gets a copy of each pack, as `pack-<id>`, before anything is changed. Made when it is missing. */
  copiesTo?: string;
  dryRun?: boolean;
  onProgress?: (progress: RepairPacksProgress) => void;
  signal?: AbortSignal;
}

export interface SalvagedPack {
  id: PackId;
  /** Undefined when the file is gone. */
  size: number | undefined;
  /** Blobs the index or the header knows. */
  blobs: number;
  saved: number;
  /** Blobs that do not open and of which no other pack has a good copy. */
  lost: { type: BlobType; id: string }[];
}

export interface RepairPacksResult {
  dryRun: boolean;
  packs: SalvagedPack[];
}

/** Packs up to this size are read at once, larger ones blob by blob: only a tree of a huge folder makes such a pack. */
const WHOLE_PACK_BYTES = 64 << 20;

/** Takes the repository to itself. Snapshots that used a lost blob are for "repair snapshots". */
export async function repairPacks(repo: Repository, options: RepairPacksOptions): Promise<RepairPacksResult> {
  const lock = await repo.lock(options.dryRun ? 'shared' : 'exclusive', { signal: options.signal });
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, lock.signal]) : lock.signal;
    return await new PackRepair(repo, options, { lock, signal, work: 'repair of packs' }).run();
  } finally {
    await lock.release();
  }
}

class PackRepair {
  readonly #repo: Repository;
  readonly #options: RepairPacksOptions;
  readonly #access: WriteAccess;
  readonly #report: (value: () => RepairPacksProgress, force?: boolean) => void;
  /** Blobs of each pack by the index files, each place once. */
  readonly #listed = new Map<PackId, Map<string, PackEntry>>();
  #blobsSaved = 0;

  constructor(repo: Repository, options: RepairPacksOptions, access: WriteAccess) {
    this.#repo = repo;
    this.#options = options;
    this.#access = access;
    this.#report = throttled(options.onProgress);
  }

  async run(): Promise<RepairPacksResult> {
    const { signal } = this.#access;
    const { dryRun = false } = this.#options;
    const sizes = await this.#sizes();
    const survey = await surveyIndexes(this.#repo, {
      signal,
      onContent: (id, content) => {
        for (const pack of content) if (sizes.has(pack.id)) this.#know(pack.id, pack.blobs);
        this.#repo.indexWritten(id, content);
      },
    });
    if (!dryRun) await this.#saveCopies(sizes);
    const saver = dryRun
      ? undefined
      : new BlobSaver(this.#repo, this.#access.lock, { work: this.#access.work, signal });
    let packs: SalvagedPack[];
    try {
      packs = await this.#salvageAll(sizes, saver);
      // The new packs are in a new index file from here on; the old entries only have to go.
      await saver?.finish();
    } finally {
      await saver?.close();
    }
    if (!dryRun) {
      const writer = new IndexFileWriter(this.#repo, this.#access);
      const stays: Stays = (pack) => !sizes.has(pack);
      const replaced = filesToReplace(survey, stays);
      await carryOver(this.#repo, replaced, stays, writer, { signal });
      await writer.flush();
      await removeIndexes(this.#repo, replaced, this.#access);
      await inParallel([...sizes.keys()], this.#repo.store.connections, async (pack) => {
        mayWrite(this.#repo, this.#access);
        await this.#repo.removeFile('pack', pack, { signal });
      });
    }
    return { dryRun, packs };
  }

  async #sizes(): Promise<Map<PackId, number | undefined>> {
    const sizes = new Map<PackId, number | undefined>();
    for (const id of this.#options.packs) {
      if (!isId(id)) {
        throw new AppError('invalid-input', {
          message: `"${id}" is not the id of a pack.`,
          hint: 'Give the 64 digits that "check" prints.',
        });
      }
      try {
        sizes.set(id as PackId, (await this.#repo.store.stat(fileName('pack', id), this.#access)).size);
      } catch (error) {
        if (!isAppError(error, 'not-found')) throw error;
        sizes.set(id as PackId, undefined);
      }
    }
    if (sizes.size === 0) throw new AppError('invalid-input', 'No packs were named.');
    return sizes;
  }

  #know(pack: PackId, blobs: readonly PackEntry[]): void {
    const known = this.#listed.get(pack) ?? new Map<string, PackEntry>();
    for (const blob of blobs) {
      known.set(`${blob.type} ${blob.id} ${blob.offset} ${blob.length} ${blob.uncompressedLength ?? ''}`, blob);
    }
    this.#listed.set(pack, known);
  }

  async #saveCopies(sizes: Map<PackId, number | undefined>): Promise<void> {
    const { copiesTo } = this.#options;
    if (!copiesTo) return;
    mkdirSync(copiesTo, { recursive: true });
    for (const [id, size] of sizes) {
      if (size === undefined) continue;
      const bytes = await this.#repo.store.get(fileName('pack', id), undefined, this.#access);
      // An earlier copy may be the better one: it is never overwritten.
      await writeFile(join(copiesTo, `pack-${id}`), bytes, { flag: 'wx', signal: this.#access.signal });
    }
  }

  async #salvageAll(sizes: Map<PackId, number | undefined>, saver: BlobSaver | undefined): Promise<SalvagedPack[]> {
    const salvaged: SalvagedPack[] = [];
    this.#report(() => ({ done: 0, total: sizes.size, blobsSaved: 0 }), true);
    // One at a time: a whole pack is in memory, and there are rarely more than a few.
    for (const [id, size] of sizes) {
      salvaged.push(await this.#salvage(id, size, new Set(sizes.keys()), saver));
      this.#report(() => ({ done: salvaged.length, total: sizes.size, blobsSaved: this.#blobsSaved }), true);
    }
    return salvaged;
  }

  async #salvage(
    pack: PackId,
    size: number | undefined,
    condemned: ReadonlySet<PackId>,
    saver: BlobSaver | undefined,
  ): Promise<SalvagedPack> {
    const result: SalvagedPack = { id: pack, size, blobs: 0, saved: 0, lost: [] };
    if (size !== undefined) await this.#readHeader(pack, size);
    const candidates = this.#listed.get(pack)?.values() ?? [];
    const whole = size !== undefined && size <= WHOLE_PACK_BYTES ? await this.#wholePack(pack) : undefined;
    const done = new Set<string>();
    const failed = new Map<string, PackEntry>();
    for (const blob of candidates) {
      stopIfAborted(this.#access.signal);
      const name = `${blob.type} ${blob.id}`;
      if (done.has(name)) continue;
      const plain = size === undefined ? undefined : await this.#open(pack, blob, whole);
      if (!plain) {
        failed.set(name, blob);
        continue;
      }
      done.add(name);
      failed.delete(name);
      await saver?.save(blob.type, blob.id, plain);
      this.#blobsSaved += 1;
    }
    result.saved = done.size;
    result.blobs = done.size + failed.size;
    for (const { type, id } of failed.values()) {
      if (!(await this.#hasOtherCopy(type, id, condemned))) result.lost.push({ type, id });
    }
    return result;
  }

  /** Adds what the header lists to what the index does: one of them may be wrong, what opens is right. */
  async #readHeader(pack: PackId, size: number): Promise<void> {
    try {
      this.#know(pack, await readHeaderOf(this.#repo, pack, size, this.#access));
    } catch (error) {
      if (!isAppError(error, 'repository-damaged')) throw error;
    }
  }

  async #wholePack(pack: PackId): Promise<Buffer | undefined> {
    try {
      return await this.#repo.store.get(fileName('pack', pack), undefined, this.#access);
    } catch (error) {
      if (!isAppError(error, 'not-found', 'repository-damaged')) throw error;
      return undefined;
    }
  }

  async #open(pack: PackId, blob: PackEntry, whole: Buffer | undefined): Promise<Buffer | undefined> {
    try {
      const inMemory = whole?.subarray(blob.offset, blob.offset + blob.length);
      if (inMemory?.length === blob.length) return await this.#repo.openBlob(inMemory, blob, pack);
    } catch (error) {
      if (!isAppError(error, 'repository-damaged')) throw error;
    }
    // By itself once more: the damage may be the way's, and a disk may read what is beside a bad sector.
    try {
      return await this.#repo.openBlob(await this.#repo.loadSealed({ pack, ...blob }, this.#access), blob, pack);
    } catch (error) {
      if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
      return undefined;
    }
  }

  async #hasOtherCopy(type: BlobType, id: string, condemned: ReadonlySet<PackId>): Promise<boolean> {
    for (const place of this.#repo.index.lookupAll(type, id)) {
      if (condemned.has(place.pack)) continue;
      if (await this.#open(place.pack, { type, id, ...place }, undefined)) return true;
    }
    return false;
  }
}
