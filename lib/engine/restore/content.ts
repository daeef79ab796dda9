// File contents of a restore: which blobs of which packs, fetched in ranges, handed to the threads, written wherever they
// belong. Files of one blob are made by the threads in one go; longer ones are filled in any order: part-files.ts.

import { isAppError, throwIfCancelled } from '#lib/errors.ts';
import { plainLength } from '../repository/blob-index.ts';
import { fileName } from '../repository/files.ts';
import { inParallel } from '../repository/repository.ts';
import { type BlobUses, collectUses } from './blob-uses.ts';
import { type JobBlob, type RestoreDone, RestoreJobBuilder } from './pack-jobs.ts';
import { PartFiles } from './part-files.ts';
import { itemPath, itemTarget, type PlannedItem, targetText } from './plan-items.ts';
import { isFileToWrite, type RestoreState } from './state.ts';

/** Two blobs of a pack nearer than this are fetched in one range: reading the hole costs less than another request. */
const MAX_HOLE = 512 << 10;
/** Longest range; with one in each lane it bounds the memory. */
const MAX_RANGE = 8 << 20;
/** Ranges fetched or written at once, where the store has more connections than this machine has threads. */
const MAX_LANES = 8;
/** The files of one message; more of them would delay a cancel. */
const MAX_RANGE_BLOBS = 1024;
/** Where one blob is the content of very many files. */
const MAX_RANGE_USES = 4096;

/** Consecutive uses, in the order of packs and offsets. */
interface Range {
  from: number;
  to: number;
}

export class ContentWriter {
  readonly #state: RestoreState;
  readonly #parts: PartFiles;
  #uses!: BlobUses;

  constructor(state: RestoreState) {
    this.#state = state;
    this.#parts = new PartFiles(state);
  }

  /** All contents, pack by pack. Throws when cancelled, when the store fails, or when the target is full. */
  async write(): Promise<void> {
    const empty: number[] = [];
    this.#uses = this.#collect(empty);
    const lanes = Math.max(this.#state.pool.size + 1, Math.min(MAX_LANES, this.#state.repo.store.connections));
    if (empty.length > 0) {
      await inParallel(slices(empty, MAX_RANGE_BLOBS), lanes, async (files) => {
        throwIfCancelled(this.#state.options.signal);
        const job = new RestoreJobBuilder();
        job.addBlob({ id: '', offset: 0, length: 0 });
        for (const file of files) this.#addWhole(job, file);
        this.#settle(await this.#run(job, new Uint8Array(0), true));
        for (const file of files) this.#wholeDone(file);
      });
    }
    await inParallel(this.#ranges(), lanes, (range) => this.#restoreRange(range));
  }

  /** Files of which a blob is unknown are reported and left out. */
  #collect(empty: number[]): BlobUses {
    const { items, repo } = this.#state;
    const finished: number[] = [];
    const uses = collectUses(
      items,
      (id) => repo.lookup('data', id),
      (file, item) => {
        if (!isFileToWrite(item) || item.folder.blocked) return undefined;
        const unknown = item.content.find((id) => !repo.lookup('data', id));
        if (unknown !== undefined) {
          const message = `The index does not know its data blob ${unknown}; the file is not restored.`;
          this.#lose(item, new Error(message));
          return undefined;
        }
        this.#checkLength(item);
        if (item.content.length === 0) empty.push(file);
        if (item.content.length <= 1) return item.content.map((_, blob) => blob);
        const part = this.#parts.add(file, item);
        if (part.left === 0) finished.push(file);
        return item.content.flatMap((_, blob) => (part.mended && item.present?.blobs[blob] ? [] : [blob]));
      },
    );
    // Only their length or their metadata differ.
    for (const file of finished) this.#finishPart(file);
    return uses;
  }

  #checkLength(item: PlannedItem): void {
    let length = 0;
    for (const id of item.content) {
      const place = this.#state.repo.lookup('data', id);
      if (place) length += plainLength(place);
    }
    if (length === item.size) return;
    const message = `The snapshot gives it ${item.size} bytes, its content has ${length}; the content was restored.`;
    this.#state.problems.add({ path: itemPath(item), during: 'read', message });
    item.size = length;
  }

  /** The uses of a pack by offset, cut where the hole is long or the range would be. */
  #ranges(): Range[] {
    const uses = this.#uses;
    const all: Range[] = [];
    let range: Range | undefined;
    let pack = -1;
    let start = 0;
    let end = 0;
    let blobs = 0;
    for (let at = 0; at < uses.count; at++) {
      const offset = uses.offset(at);
      const length = uses.length(at);
      const full = range !== undefined && at - range.from >= MAX_RANGE_USES;
      if (range && !full && uses.repeats(at)) {
        range.to = at + 1;
        continue;
      }
      const cut =
        full ||
        uses.pack(at) !== pack ||
        offset - end > MAX_HOLE ||
        offset + length - start > MAX_RANGE ||
        blobs === MAX_RANGE_BLOBS;
      if (!range || cut) {
        range = { from: at, to: at };
        all.push(range);
        pack = uses.pack(at);
        start = offset;
        blobs = 0;
      }
      range.to = at + 1;
      end = offset + length;
      blobs += 1;
    }
    return all;
  }

  async #restoreRange(range: Range): Promise<void> {
    const { signal } = this.#state.options;
    const uses = this.#uses;
    throwIfCancelled(signal);
    const offset = uses.offset(range.from);
    const length = uses.offset(range.to - 1) + uses.length(range.to - 1) - offset;
    const blobs = [...blobsOf(uses, range)];
    let bytes: Buffer;
    try {
      const pack = uses.packId(range.from);
      bytes = await this.#state.repo.store.get(fileName('pack', pack), { offset, length }, { signal });
    } catch (error) {
      if (!isAppError(error, 'not-found', 'repository-damaged')) throw error;
      for (const blob of blobs) await this.#rescue(blob);
      return;
    }
    const job = new RestoreJobBuilder();
    const used = blobs.flatMap((blob) => this.#addBlob(job, blob, uses.offset(blob.from) - offset));
    let done: RestoreDone;
    try {
      done = await this.#run(job, bytes);
    } finally {
      for (const file of used) this.#release(file);
    }
    this.#settle(done);
    const damaged = new Set(done.damaged.map(({ blob }) => blob));
    for (const [i, blob] of blobs.entries()) if (!damaged.has(i)) this.#blobDone(blob);
    for (const i of damaged) await this.#rescue(blobs[i] as Range);
    const shown = this.#state.items[uses.file(range.from)];
    this.#state.progress(() => shown && itemPath(shown));
  }

  #run(job: RestoreJobBuilder, bytes: Uint8Array, plain = false): Promise<RestoreDone> {
    const { root, pool, options } = this.#state;
    return pool.run(job.build(bytes, { root, plain, sparse: options.sparse ?? false }));
  }

  /** Adds a blob and everything it is written to; gives the files that are in use until the job is done. */
  #addBlob(job: RestoreJobBuilder, blob: Range, offset: number, plainBytes?: number): number[] {
    const uses = this.#uses;
    job.addBlob({
      id: uses.id(blob.from),
      offset,
      length: plainBytes ?? uses.length(blob.from),
      uncompressedLength: uses.uncompressedLength(blob.from),
    } satisfies JobBlob);
    const used: number[] = [];
    for (let use = blob.from; use < blob.to; use++) {
      const file = uses.file(use);
      const part = this.#parts.get(file);
      if (!part) {
        if ((this.#state.items[file] as PlannedItem).content.length === 1) this.#addWhole(job, file);
        continue;
      }
      if (part.failed) continue;
      try {
        const fd = this.#parts.use(part);
        const position = uses.position(use);
        used.push(file);
        job.addPart({ file, fd, offset: position, fresh: !part.mended || position >= part.mended.size });
      } catch (error) {
        this.#failPart(file, error);
      }
    }
    return used;
  }

  #addWhole(job: RestoreJobBuilder, file: number): void {
    const item = this.#state.items[file] as PlannedItem;
    if (item.existed) this.#state.makeWay(item);
    const temporary = this.#state.needsTemporary(item) ? this.#state.temporaryFor(item) : undefined;
    job.addWhole({ file, folder: item.folder.target, name: item.name, temporary, metadata: item });
  }

  #release(file: number): void {
    const part = this.#parts.get(file);
    if (part) this.#parts.release(part);
  }

  /** Another try for a blob that could not be read: again, and from other packs. */
  async #rescue(blob: Range): Promise<void> {
    const uses = this.#uses;
    let plain: Buffer;
    try {
      const id = uses.id(blob.from);
      plain = await this.#state.repo.loadBlob('data', id, { signal: this.#state.options.signal });
    } catch (error) {
      if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
      for (let use = blob.from; use < blob.to; use++) {
        const file = uses.file(use);
        const part = this.#parts.get(file);
        if (!part?.failed) this.#lose(this.#state.items[file] as PlannedItem, error);
        if (part) part.failed = true;
      }
      this.#blobDone(blob);
      return;
    }
    const job = new RestoreJobBuilder();
    const used = this.#addBlob(job, blob, 0, plain.length);
    try {
      this.#settle(await this.#run(job, new Uint8Array(plain), true));
    } finally {
      for (const file of used) this.#release(file);
    }
    this.#blobDone(blob);
  }

  #lose(item: PlannedItem, error: unknown): void {
    this.#state.failed.add(item);
    this.#state.problems.add({ path: itemPath(item), during: 'read', message: (error as Error).message });
  }

  #failPart(file: number, error: unknown): void {
    const part = this.#parts.get(file);
    if (!part || part.failed) return;
    part.failed = true;
    this.#state.failed.add(part.item);
    this.#state.fail(targetText(itemTarget(part.item)), 'write', error);
  }

  #settle(done: RestoreDone): void {
    for (const { file, failures } of done.metadata)
      this.#state.metadataFailed(this.#state.items[file] as PlannedItem, failures);
    for (const { file, code, message } of done.failures) {
      const error = Object.assign(new Error(message), { code });
      if (this.#parts.get(file)) {
        this.#failPart(file, error);
        continue;
      }
      const item = this.#state.items[file] as PlannedItem;
      this.#state.failed.add(item);
      this.#state.fail(targetText(itemTarget(item)), 'write', error);
    }
  }

  #blobDone(blob: Range): void {
    const uses = this.#uses;
    for (let use = blob.from; use < blob.to; use++) {
      const file = uses.file(use);
      const part = this.#parts.get(file);
      if (!part) {
        this.#wholeDone(file);
        continue;
      }
      if (!part.failed) this.#state.bytesDone += uses.plainLength(use);
      part.left -= 1;
      if (part.left === 0) this.#finishPart(file);
    }
  }

  #wholeDone(file: number): void {
    const item = this.#state.items[file] as PlannedItem;
    if (this.#state.failed.has(item)) return;
    this.#state.filesDone += 1;
    this.#state.bytesDone += item.size;
  }

  #finishPart(file: number): void {
    const part = this.#parts.get(file);
    if (!part) return;
    if (part.failed) {
      this.#parts.discard(file, part);
      return;
    }
    try {
      this.#state.metadataFailed(part.item, this.#parts.finish(file, part));
      this.#state.filesDone += 1;
    } catch (error) {
      this.#state.failed.add(part.item);
      this.#parts.discard(file, part);
      this.#state.fail(targetText(itemTarget(part.item)), 'write', error);
    }
  }

  removeUnfinished(): void {
    this.#parts.discardAll();
  }
}

/** The uses of each blob of a range. */
function* blobsOf(uses: BlobUses, { from, to }: Range): Generator<Range> {
  let start = from;
  for (let at = from + 1; at <= to; at++) {
    if (at < to && uses.repeats(at)) continue;
    yield { from: start, to: at };
    start = at;
  }
}

function slices<T>(items: readonly T[], size: number): T[][] {
  const all: T[][] = [];
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size));
  return all;
}
