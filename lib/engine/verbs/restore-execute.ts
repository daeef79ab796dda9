// Restore, second half. Order: folders (private mode), file contents pack by pack, links and special files, hard
// links, then what chmod and utimes set: folders last and deepest first, since writing into a folder changes its time.
//
// A file that replaces another is written beside it and renamed over it when whole. A new file gets its name at once, but
// its time last; one that cannot be completed is removed. Nothing is opened through a symlink below the target.

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import { stModeFromNode } from '../format/mode.ts';
import { type BlobLocation, plainLength } from '../repository/blob-index.ts';
import { fileName } from '../repository/files.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import { compareItems } from '../restore/compare.ts';
import { applyMetadata, type MetadataFailure, metadataOf } from '../restore/metadata.ts';
import type { RestoreBlob, RestoreDone, WholeFile } from '../restore/pack-jobs.ts';
import { PackPool } from '../restore/pack-pool.ts';
import {
  bytesOf,
  itemPath,
  itemTarget,
  type PlannedFolder,
  type PlannedItem,
  type ProblemLog,
  targetText,
  throttled,
} from '../restore/plan-items.ts';
import { posix } from '../restore/posix.ts';
import type { BlobId, PackId, PathText, RestoreOptions, RestoreProgress, RestoreResult } from '../types.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
/** Two blobs of a pack nearer than this are fetched in one range: reading the hole costs less than another request. */
const MAX_HOLE = 512 << 10;
/** Longest range; with one in each lane it bounds the memory. */
const MAX_RANGE = 16 << 20;
/** The files of one message; more of them would delay a cancel. */
const MAX_RANGE_BLOBS = 1024;

type Restorable = PlannedItem & { node: { type: 'file' } };

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

export async function executeRestore(
  repo: Repository,
  folders: readonly PlannedFolder[],
  items: readonly PlannedItem[],
  problems: ProblemLog,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const pool = new PackPool(repo.masterKey);
  const execution = new Execution(repo, folders, items, problems, options, pool);
  try {
    return await execution.run();
  } finally {
    execution.removeUnfinished();
    await pool.close();
  }
}

class Execution {
  readonly #repo: Repository;
  readonly #folders: readonly PlannedFolder[];
  readonly #items: readonly PlannedItem[];
  readonly #problems: ProblemLog;
  readonly #options: RestoreOptions;
  readonly #pool: PackPool;
  readonly #parts = new Map<number, OpenPart>();
  /** Parts that are on disk and not whole yet. */
  readonly #created = new Set<number>();
  readonly #failed = new Set<PlannedItem>();
  readonly #temporary = `.holdfast-${randomBytes(6).toString('hex')}`;
  #temporaries = 0;
  #ownerFailures = 0;
  #ownerExample: PathText | undefined;
  #phase: RestoreProgress['phase'] = 'restoring';
  readonly #totals = { totalFiles: 0, totalBytes: 0 };
  #filesDone = 0;
  #bytesDone = 0;
  #filesVerified = 0;
  readonly #report: (value: () => RestoreProgress, force?: boolean) => void;

  constructor(
    repo: Repository,
    folders: readonly PlannedFolder[],
    items: readonly PlannedItem[],
    problems: ProblemLog,
    options: RestoreOptions,
    pool: PackPool,
  ) {
    this.#repo = repo;
    this.#folders = folders;
    this.#items = items;
    this.#problems = problems;
    this.#options = options;
    this.#pool = pool;
    this.#report = throttled(options.onProgress);
    for (const item of items) {
      if (!toWrite(item)) continue;
      this.#totals.totalFiles += 1;
      if (!item.linkTo) this.#totals.totalBytes += item.node.size ?? 0;
    }
  }

  async run(): Promise<RestoreResult> {
    for (const entry of [...this.#folders, ...this.#items]) {
      if (entry.action !== 'unsupported') continue;
      const path = 'target' in entry ? targetText(entry.target) : targetText(itemTarget(entry));
      this.#problems.add({ path, during: 'unsupported', message: `Not restored: ${entry.reason}.` });
    }
    this.#makeFolders();
    await this.#writeFiles();
    await this.#makeOthers();
    this.#phase = 'metadata';
    await this.#setMetadata();
    if (this.#options.verify) await this.#verify();
    if (this.#ownerFailures > 0) {
      const others = this.#ownerFailures > 1 ? ` and ${this.#ownerFailures - 1} more` : '';
      this.#problems.add({
        path: this.#ownerExample ?? '/',
        during: 'metadata',
        message: `The owner of this entry${others} could not be set (only root can); setuid and setgid bits were left off.`,
      });
    }
    this.#progress(undefined, true);
    const kept = this.#items.filter((item) => item.action === 'keep' && item.node.type === 'file').length;
    return {
      filesRestored: this.#filesDone,
      bytesRestored: this.#bytesDone,
      filesKept: kept,
      filesVerified: this.#filesVerified,
      problems: this.#problems.list,
      problemCount: this.#problems.count,
    };
  }

  #progress(currentPath?: PathText, force = false): void {
    const counts = { filesDone: this.#filesDone, bytesDone: this.#bytesDone, problems: this.#problems.count };
    this.#report(() => ({ phase: this.#phase, ...this.#totals, ...counts, currentPath }), force);
  }

  #makeFolders(): void {
    const [root, ...others] = this.#folders as [PlannedFolder, ...PlannedFolder[]];
    if (root.target !== '') {
      try {
        // As a user would make it; a private one would surprise where the snapshot has no folder to take the mode from.
        mkdirSync(bytesOf(root.target), { recursive: true });
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        throw new AppError(code === 'ENOSPC' ? 'no-space' : 'permission-denied', {
          message: `The target folder "${targetText(root.target)}" cannot be made: ${message}.`,
          cause,
        });
      }
    }
    for (const folder of others) {
      if (folder.parent?.blocked) folder.blocked = true;
      if (folder.blocked) continue;
      try {
        this.#makeFolder(folder);
      } catch (error) {
        folder.blocked = true;
        this.#fail(targetText(folder.target), 'write', error);
      }
    }
  }

  #makeFolder(folder: PlannedFolder): void {
    const path = bytesOf(folder.target);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      // An ordinary user needs to get into a read-only folder of their own; the mode is set again at the end.
      const own = process.getuid?.() !== 0 && stat.uid === process.getuid?.();
      if (own && folder.chosen && (stat.mode & PRIVATE_FOLDER) !== PRIVATE_FOLDER)
        chmodSync(path, stat.mode | PRIVATE_FOLDER);
      return;
    }
    if (stat) {
      if (folder.action !== 'overwrite')
        throw new Error('something that is no folder appeared here after the plan was made');
      unlinkSync(path);
    }
    mkdirSync(path, { mode: PRIVATE_FOLDER });
  }

  /** Records a failure about one path. A full target ends the restore: every further file would fail as well. */
  #fail(path: PathText, during: string, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new AppError('no-space', {
        message: `The target is full: "${path}" could not be written after ${this.#filesDone} files.`,
        hint: 'Make room, then restore again: what is there already is kept.',
        cause: error,
      });
    }
    this.#problems.add({ path, during, message });
  }

  async #writeFiles(): Promise<void> {
    const empty: number[] = [];
    const blobs = this.#neededBlobs(empty);
    const lanes = this.#pool.size + Math.max(1, Math.min(4, this.#repo.store.connections));
    if (empty.length > 0) {
      await inParallel(slices(empty, MAX_RANGE_BLOBS), lanes, async (files) => {
        throwIfCancelled(this.#options.signal);
        const job = {
          kind: 'restore' as const,
          bytes: new Uint8Array(0),
          blobs: [],
          empty: files.map((file) => this.#whole(file)),
        };
        this.#settle(await this.#pool.run(job));
        for (const file of files) this.#wholeDone(file);
      });
    }
    const jobs = [...blobs].flatMap(([pack, needed]) => ranges([...needed.values()]).map((range) => ({ pack, range })));
    await inParallel(jobs, lanes, ({ pack, range }) => this.#restoreRange(pack, range));
  }

  /** Blobs to fetch, by pack in the order of first use. Files of which a blob is unknown are reported and left out. */
  #neededBlobs(empty: number[]): Map<PackId, Map<BlobId, NeededBlob>> {
    const packs = new Map<PackId, Map<BlobId, NeededBlob>>();
    for (const [file, item] of this.#items.entries()) {
      if (!isFileToWrite(item) || item.folder.blocked) continue;
      const content = item.node.content ?? [];
      const places = content.map((id) => this.#repo.lookup('data', id));
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
        const path = item.existed ? this.#temporaryFor(item) : itemTarget(item);
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
        this.#problems.add({ path: itemPath(item), during: 'read', message });
      }
    }
    return packs;
  }

  #temporaryFor(item: PlannedItem): string {
    return `${item.folder.target}/${this.#temporary}-${this.#temporaries++}`;
  }

  #whole(file: number): WholeFile {
    const item = this.#items[file] as PlannedItem;
    if (item.existed) this.#makeWay(item);
    return {
      file,
      path: itemTarget(item),
      temporary: item.existed ? this.#temporaryFor(item) : undefined,
      metadata: metadataOf(item.node),
    };
  }

  /** rename() replaces everything but a folder. */
  #makeWay(item: PlannedItem): void {
    if (item.reason !== 'type differs') return;
    try {
      if (lstatSync(bytesOf(itemTarget(item)), { throwIfNoEntry: false })?.isDirectory())
        rmdirSync(bytesOf(itemTarget(item)));
    } catch {
      // The rename that follows fails for the same reason and is reported.
    }
  }

  async #restoreRange(pack: PackId, range: NeededBlob[]): Promise<void> {
    const { signal } = this.#options;
    throwIfCancelled(signal);
    const first = range[0] as NeededBlob;
    const last = range.at(-1) as NeededBlob;
    const offset = first.place.offset;
    const length = last.place.offset + last.place.length - offset;
    for (const blob of range) this.#openParts(blob);
    let bytes: Buffer;
    try {
      bytes = await this.#repo.store.get(fileName('pack', pack), { offset, length }, { signal });
    } catch (error) {
      if (!isAppError(error, 'not-found', 'repository-damaged')) throw error;
      for (const blob of range) await this.#rescue(blob);
      return;
    }
    const blobs = range.map((blob) => this.#jobBlob(blob, blob.place.offset - offset));
    const done = await this.#pool.run({ kind: 'restore', bytes, blobs, empty: [] });
    this.#settle(done);
    const damaged = new Set(done.damaged.map(({ blob }) => range[blob] as NeededBlob));
    for (const blob of range) if (!damaged.has(blob)) this.#blobDone(blob);
    for (const blob of damaged) await this.#rescue(blob);
    const shown = this.#items[last.whole[0] ?? last.parts[0]?.file ?? 0];
    this.#progress(shown && itemPath(shown));
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
      plain = await this.#repo.loadBlob('data', blob.id, { signal: this.#options.signal });
    } catch (error) {
      if (!isAppError(error, 'repository-damaged', 'not-found')) throw error;
      for (const file of blob.whole) this.#lose(this.#items[file] as PlannedItem, error);
      for (const { file } of blob.parts) {
        const part = this.#parts.get(file) as OpenPart;
        if (!part.failed) this.#lose(part.item, error);
        part.failed = true;
      }
      for (const part of blob.parts) this.#partDone(part.file);
      return;
    }
    const job = { ...this.#jobBlob(blob, 0), length: plain.length, plain: true };
    this.#settle(await this.#pool.run({ kind: 'restore', bytes: new Uint8Array(plain), blobs: [job], empty: [] }));
    this.#blobDone(blob);
  }

  #lose(item: PlannedItem, error: unknown): void {
    this.#failed.add(item);
    this.#problems.add({ path: itemPath(item), during: 'read', message: (error as Error).message });
  }

  /** Makes the files of several blobs that this blob belongs to, at their full length. */
  #openParts(blob: NeededBlob): void {
    for (const { file } of blob.parts) {
      const part = this.#parts.get(file) as OpenPart;
      if (part.failed || this.#created.has(file)) continue;
      this.#created.add(file);
      try {
        this.#makeWay(part.item);
        const fd = openSync(bytesOf(part.path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE_FILE);
        try {
          ftruncateSync(fd, part.item.node.size ?? 0);
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        this.#created.delete(file);
        part.failed = true;
        this.#failed.add(part.item);
        this.#fail(targetText(itemTarget(part.item)), 'write', error);
      }
    }
  }

  #settle(done: RestoreDone): void {
    for (const { file, failures } of done.metadata) this.#metadataFailed(this.#items[file] as PlannedItem, failures);
    for (const { file, code, message } of done.failures) {
      const item = this.#items[file] as PlannedItem;
      const part = this.#parts.get(file);
      if (part?.failed) continue;
      if (part) part.failed = true;
      this.#failed.add(item);
      this.#fail(targetText(itemTarget(item)), 'write', Object.assign(new Error(message), { code }));
    }
  }

  #blobDone(blob: NeededBlob): void {
    for (const file of blob.whole) this.#wholeDone(file);
    const length = plainLength(blob.place);
    for (const { file } of blob.parts) {
      if (!this.#parts.get(file)?.failed) this.#bytesDone += length;
      this.#partDone(file);
    }
  }

  #wholeDone(file: number): void {
    const item = this.#items[file] as PlannedItem;
    if (this.#failed.has(item)) return;
    this.#filesDone += 1;
    this.#bytesDone += item.node.size ?? 0;
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
      this.#metadataFailed(part.item, applyMetadata(bytesOf(part.path), metadataOf(part.item.node)));
      if (part.path !== target) renameSync(bytesOf(part.path), bytesOf(target));
      this.#created.delete(file);
      this.#filesDone += 1;
    } catch (error) {
      this.#failed.add(part.item);
      this.#discard(file, part);
      this.#fail(targetText(target), 'write', error);
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

  /** Symlinks, FIFOs, devices, then hard links, whose first names now exist. */
  async #makeOthers(): Promise<void> {
    let turn = 0;
    for (const pass of ['special', 'links'] as const) {
      for (const item of this.#items) {
        if (!toWrite(item) || item.folder.blocked) continue;
        if (pass === 'links' ? !item.linkTo : item.linkTo || item.node.type === 'file') continue;
        if (++turn % MAX_RANGE_BLOBS === 0) {
          await new Promise(setImmediate);
          throwIfCancelled(this.#options.signal);
        }
        try {
          this.#makeOther(item);
        } catch (error) {
          this.#failed.add(item);
          this.#fail(targetText(itemTarget(item)), 'write', error);
        }
      }
    }
  }

  #makeOther(item: PlannedItem): void {
    const { node, linkTo } = item;
    if (linkTo && this.#failed.has(linkTo)) {
      throw new Error(`the file it is a hard link to, ${itemPath(linkTo)}, could not be restored`);
    }
    const target = bytesOf(itemTarget(item));
    const first = linkTo && bytesOf(itemTarget(linkTo));
    if (first && item.existed && sameFile(first, target)) return;
    if (item.existed) this.#makeWay(item);
    const made = item.existed ? bytesOf(this.#temporaryFor(item)) : target;
    if (first) linkSync(first, made);
    else if (node.type === 'symlink') symlinkSync(node.linkTarget ?? Buffer.alloc(0), made);
    else if (node.type === 'fifo') posix?.makeFifo(made, PRIVATE_FILE);
    else posix?.makeDevice(made, stModeFromNode(node.type, 0) | PRIVATE_FILE, node.device ?? 0n);
    try {
      if (!first) this.#metadataFailed(item, applyMetadata(made, metadataOf(node)));
      if (made !== target) renameSync(made, target);
    } catch (error) {
      // What could not be put in place must not stay beside it.
      unlinkSync(made);
      throw error;
    }
    this.#filesDone += 1;
  }

  #metadataFailed(item: PlannedItem, failures: readonly MetadataFailure[]): void {
    if (failures.length > 0) this.#metadataFailedAt(itemTarget(item), failures);
  }

  #metadataFailedAt(target: string, failures: readonly MetadataFailure[]): void {
    for (const { what, message } of failures) {
      if (what === 'owner' && process.getuid?.() !== 0) {
        this.#ownerFailures += 1;
        this.#ownerExample ??= targetText(target);
      } else this.#problems.add({ path: targetText(target), during: 'metadata', message });
    }
  }

  async #setMetadata(): Promise<void> {
    let turn = 0;
    const pause = async () => {
      if (++turn % MAX_RANGE_BLOBS !== 0) return;
      this.#progress();
      await new Promise(setImmediate);
      throwIfCancelled(this.#options.signal);
    };
    for (const item of this.#items) {
      if (item.action !== 'keep' || !item.metadataDiffers || item.linkTo) continue;
      await pause();
      this.#metadataFailed(item, applyMetadata(bytesOf(itemTarget(item)), metadataOf(item.node)));
    }
    const leave = this.#options.overwrite === 'never' || this.#options.overwrite === 'if-newer';
    for (const folder of this.#folders.toReversed()) {
      if (!folder.node || folder.blocked || (folder.existed && (leave || !folder.chosen))) continue;
      await pause();
      const failures = applyMetadata(
        folder.target === '' ? Buffer.from('/') : bytesOf(folder.target),
        metadataOf(folder.node),
      );
      this.#metadataFailedAt(folder.target, failures);
    }
  }

  async #verify(): Promise<void> {
    this.#phase = 'verifying';
    const wanted = this.#items.filter((item) => isFileToWrite(item) && !this.#failed.has(item) && !item.folder.blocked);
    const bad = new Set<PlannedItem>();
    const onBatch = (
      batch: readonly PlannedItem[],
      failures: { item: PlannedItem; failure: { message: string } }[],
    ) => {
      for (const { item, failure } of failures) {
        bad.add(item);
        this.#problems.add({
          path: targetText(itemTarget(item)),
          during: 'verify',
          message: `Could not be read back: ${failure.message}`,
        });
      }
      this.#progress(targetText(itemTarget(batch[0] as PlannedItem)));
    };
    const equal = await compareItems(this.#repo, this.#pool, wanted, onBatch, this.#options.signal);
    for (const item of wanted) {
      if (equal.has(item) || bad.has(item)) continue;
      const message = 'What was read back is not what the snapshot holds.';
      this.#problems.add({ path: targetText(itemTarget(item)), during: 'verify', message });
    }
    this.#filesVerified = equal.size;
  }
}

function toWrite(item: PlannedItem): boolean {
  return item.action === 'create' || item.action === 'overwrite';
}

function isFileToWrite(item: PlannedItem): item is Restorable {
  return toWrite(item) && item.node.type === 'file' && !item.linkTo;
}

function sameFile(a: Buffer, b: Buffer): boolean {
  const [first, second] = [a, b].map((path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
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
