// File contents of a restore: which blobs of which packs, fetched in ranges, handed to the threads, written wherever they
// belong. Files of one blob are made by the threads in one go; longer ones are made here at full length, filled in any
// order, and get their metadata and name when the last blob is in.

import { closeSync, constants, ftruncateSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { isAppError, throwIfCancelled } from '#lib/errors.ts';
import { type BlobLocation, plainLength } from '../repository/blob-index.ts';
import { fileName } from '../repository/files.ts';
import { inParallel } from '../repository/repository.ts';
import type { BlobId, PackId } from '../types.ts';
import { applyMetadata, metadataOf } from './metadata.ts';
import type { RestoreBlob, RestoreDone, WholeFile } from './pack-jobs.ts';
import { bytesOf, itemPath, itemTarget, type PlannedItem, targetText } from './plan-items.ts';
import { isFileToWrite, type RestoreState } from './state.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const PRIVATE_FILE = 0o600;
/** Two blobs of a pack nearer than this are fetched in one range: reading the hole costs less than another request. */
const MAX_HOLE = 512 << 10;
/** Longest range; with one in each lane it bounds the memory. */
const MAX_RANGE = 16 << 20;
/** The files of one message; more of them would delay a cancel. */
const MAX_RANGE_BLOBS = 1024;

interface OpenPart {
  item: PlannedItem;
  /** Where the bytes go: the target, or the file beside it. */
  path: string;
  left: number;
  failed: boolean;
}

interface NeededBlob {
  id: BlobId;
  place: BlobLocation;
  whole: number[];
  parts: { file: number; offset: number }[];
}

export class ContentWriter {
  readonly #state: RestoreState;
  readonly #parts = new Map<number, OpenPart>();
  /** Parts that are on disk and not whole yet. */
  readonly #created = new Set<number>();

  constructor(state: RestoreState) {
    this.#state = state;
  }

  /** All contents, pack by pack. Throws when cancelled, when the store fails, or when the target is full. */
  async write(): Promise<void> {
    const empty: number[] = [];
    const blobs = this.#neededBlobs(empty);
    const lanes = this.#state.pool.size + Math.max(1, Math.min(4, this.#state.repo.store.connections));
    if (empty.length > 0) {
      await inParallel(slices(empty, MAX_RANGE_BLOBS), lanes, async (files) => {
        throwIfCancelled(this.#state.options.signal);
        const job = {
          kind: 'restore' as const,
          bytes: new Uint8Array(0),
          blobs: [],
          empty: files.map((file) => this.#whole(file)),
        };
        this.#settle(await this.#state.pool.run(job));
        for (const file of files) this.#wholeDone(file);
      });
    }
    const jobs = [...blobs].flatMap(([pack, needed]) => ranges([...needed.values()]).map((range) => ({ pack, range })));
    await inParallel(jobs, lanes, ({ pack, range }) => this.#restoreRange(pack, range));
  }

  /** Blobs to fetch, by pack in the order of first use. Files of which a blob is unknown are reported and left out. */
  #neededBlobs(empty: number[]): Map<PackId, Map<BlobId, NeededBlob>> {
    const packs = new Map<PackId, Map<BlobId, NeededBlob>>();
    for (const [file, item] of this.#state.items.entries()) {
      if (!isFileToWrite(item) || item.folder.blocked) continue;
      const content = item.node.content ?? [];
      const places = content.map((id) => this.#state.repo.lookup('data', id));
      const unknown = places.indexOf(undefined);
      if (unknown >= 0) {
        this.#lose(
          item,
          new Error(`The index does not know its data blob ${content[unknown]}; the file is not restored.`),
        );
        continue;
      }
      if (content.length === 0) empty.push(file);
      if (content.length > 1) {
        const path = item.existed ? this.#state.temporaryFor(item) : itemTarget(item);
        this.#parts.set(file, { item, path, left: content.length, failed: false });
      }
      let offset = 0;
      for (const [i, id] of content.entries()) {
        const place = places[i] as BlobLocation;
        const pack = packs.get(place.pack) ?? new Map<BlobId, NeededBlob>();
        packs.set(place.pack, pack);
        const blob = pack.get(id) ?? { id, place, whole: [], parts: [] };
        pack.set(id, blob);
        if (content.length === 1) blob.whole.push(file);
        else blob.parts.push({ file, offset });
        offset += plainLength(place);
      }
      if (offset !== (item.node.size ?? 0)) {
        const message = `The snapshot gives it ${item.node.size ?? 0} bytes, its content has ${offset}; the content was restored.`;
        this.#state.problems.add({ path: itemPath(item), during: 'read', message });
      }
    }
    return packs;
  }

  #whole(file: number): WholeFile {
    const item = this.#state.items[file] as PlannedItem;
    if (item.existed) this.#state.makeWay(item);
    return {
      file,
      path: itemTarget(item),
      temporary: item.existed ? this.#state.temporaryFor(item) : undefined,
      metadata: metadataOf(item.node),
    };
  }

  async #restoreRange(pack: PackId, range: NeededBlob[]): Promise<void> {
    const { signal } = this.#state.options;
    throwIfCancelled(signal);
    const first = range[0] as NeededBlob;
    const last = range.at(-1) as NeededBlob;
    const offset = first.place.offset;
    const length = last.place.offset + last.place.length - offset;
    for (const blob of range) this.#openParts(blob);
    let bytes: Buffer;
    try {
      bytes = await this.#state.repo.store.get(fileName('pack', pack), { offset, length }, { signal });
    } catch (error) {
      if (!isAppError(error, 'not-found', 'repository-damaged')) throw error;
      for (const blob of range) await this.#rescue(blob);
      return;
    }
    const blobs = range.map((blob) => this.#jobBlob(blob, blob.place.offset - offset));
    const done = await this.#state.pool.run({ kind: 'restore', bytes, blobs, empty: [] });
    this.#settle(done);
    const damaged = new Set(done.damaged.map(({ blob }) => range[blob] as NeededBlob));
    for (const blob of range) if (!damaged.has(blob)) this.#blobDone(blob);
    for (const blob of damaged) await this.#rescue(blob);
    const shown = this.#state.items[last.whole[0] ?? last.parts[0]?.file ?? 0];
    this.#state.progress(shown && itemPath(shown));
  }

  #jobBlob(blob: NeededBlob, offset: number): RestoreBlob {
    return {
      id: blob.id,
      offset,
      length: blob.place.length,
      uncompressedLength: blob.place.uncompressedLength,
      whole: blob.whole.map((file) => this.#whole(file)),
      // Not into a file that was not made here: something else may have its name.
      parts: blob.parts
        .filter(({ file }) => this.#created.has(file))
        .map((part) => ({ ...part, path: (this.#parts.get(part.file) as OpenPart).path })),
    };
  }

  /** Another try for a blob that could not be read: again, and from other packs. */
  async #rescue(blob: NeededBlob): Promise<void> {
    let plain: Buffer;
    try {
      plain = await this.#state.repo.loadBlob('data', blob.id, { signal: this.#state.options.signal });
    } catch (error) {
      if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
      for (const file of blob.whole) this.#lose(this.#state.items[file] as PlannedItem, error);
      for (const { file } of blob.parts) {
        const part = this.#parts.get(file) as OpenPart;
        if (!part.failed) this.#lose(part.item, error);
        part.failed = true;
      }
      for (const part of blob.parts) this.#partDone(part.file);
      return;
    }
    const job = { ...this.#jobBlob(blob, 0), length: plain.length, plain: true };
    this.#settle(
      await this.#state.pool.run({ kind: 'restore', bytes: new Uint8Array(plain), blobs: [job], empty: [] }),
    );
    this.#blobDone(blob);
  }

  #lose(item: PlannedItem, error: unknown): void {
    this.#state.failed.add(item);
    this.#state.problems.add({ path: itemPath(item), during: 'read', message: (error as Error).message });
  }

  /** Makes the files of several blobs that this blob belongs to, at their full length. */
  #openParts(blob: NeededBlob): void {
    for (const { file } of blob.parts) {
      const part = this.#parts.get(file) as OpenPart;
      if (part.failed || this.#created.has(file)) continue;
      this.#created.add(file);
      try {
        this.#state.makeWay(part.item);
        const fd = openSync(bytesOf(part.path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_FILE);
        try {
          ftruncateSync(fd, part.item.node.size ?? 0);
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        this.#created.delete(file);
        part.failed = true;
        this.#state.failed.add(part.item);
        this.#state.fail(targetText(itemTarget(part.item)), 'write', error);
      }
    }
  }

  #settle(done: RestoreDone): void {
    for (const { file, failures } of done.metadata)
      this.#state.metadataFailed(this.#state.items[file] as PlannedItem, failures);
    for (const { file, code, message } of done.failures) {
      const item = this.#state.items[file] as PlannedItem;
      const part = this.#parts.get(file);
      if (part?.failed) continue;
      if (part) part.failed = true;
      this.#state.failed.add(item);
      this.#state.fail(targetText(itemTarget(item)), 'write', Object.assign(new Error(message), { code }));
    }
  }

  #blobDone(blob: NeededBlob): void {
    for (const file of blob.whole) this.#wholeDone(file);
    const length = plainLength(blob.place);
    for (const { file } of blob.parts) {
      if (!this.#parts.get(file)?.failed) this.#state.bytesDone += length;
      this.#partDone(file);
    }
  }

  #wholeDone(file: number): void {
    const item = this.#state.items[file] as PlannedItem;
    if (this.#state.failed.has(item)) return;
    this.#state.filesDone += 1;
    this.#state.bytesDone += item.node.size ?? 0;
  }

  #partDone(file: number): void {
    const part = this.#parts.get(file) as OpenPart;
    part.left -= 1;
    if (part.left > 0) return;
    const target = itemTarget(part.item);
    if (part.failed) {
      this.#discard(file, part);
      return;
    }
    try {
      this.#state.metadataFailed(part.item, applyMetadata(bytesOf(part.path), metadataOf(part.item.node)));
      if (part.path !== target) renameSync(bytesOf(part.path), bytesOf(target));
      this.#created.delete(file);
      this.#state.filesDone += 1;
    } catch (error) {
      this.#state.failed.add(part.item);
      this.#discard(file, part);
      this.#state.fail(targetText(target), 'write', error);
    }
  }

  #discard(file: number, part: OpenPart): void {
    if (!this.#created.delete(file)) return;
    try {
      unlinkSync(bytesOf(part.path));
    } catch {
      // Already gone, or its folder is: there is nothing half-written left to mislead anyone.
    }
  }

  /** After a cancel or a failure: files that are not whole must not stay. */
  removeUnfinished(): void {
    for (const file of [...this.#created]) this.#discard(file, this.#parts.get(file) as OpenPart);
  }
}

/** The blobs of a pack by offset, cut where the hole is long or the range would be. */
function ranges(blobs: NeededBlob[]): NeededBlob[][] {
  const sorted = blobs.sort((a, b) => a.place.offset - b.place.offset);
  const all: NeededBlob[][] = [];
  let range: NeededBlob[] = [];
  let start = 0;
  let end = 0;
  for (const blob of sorted) {
    const { offset, length } = blob.place;
    const cut = offset - end > MAX_HOLE || offset + length - start > MAX_RANGE || range.length === MAX_RANGE_BLOBS;
    if (range.length === 0 || cut) {
      range = [];
      all.push(range);
      start = offset;
    }
    range.push(blob);
    end = offset + length;
  }
  return all;
}

function slices<T>(items: readonly T[], size: number): T[][] {
  const all: T[][] = [];
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size));
  return all;
}
