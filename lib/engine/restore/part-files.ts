// Files of several blobs while they are filled, in any order, by several threads. They are made here and kept open, so
// that no thread opens by name what someone may have replaced meanwhile. A new file has its final name only when it is
// whole; one of which parts are already there is mended where it lies.

import { closeSync, constants, fstatSync, ftruncateSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { applyMetadata, type MetadataFailure } from './metadata.ts';
import { isSameFile, type PlannedItem } from './plan-items.ts';
import type { RestoreState } from './state.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
const PRIVATE_FILE = 0o600;
/** Open at once; a process often may have no more than 1024. Others are opened again when their next blob comes. */
const MAX_OPEN = 200;

export interface PartFile {
  item: PlannedItem;
  /** Name under which it is written. */
  name: string;
  /** Blobs that are not written yet. */
  left: number;
  failed: boolean;
  /** Mended where it lies: what of it is there, and its length before. */
  mended?: { size: number };
  made: boolean;
  fd: number;
  /** Jobs that write to it now. */
  users: number;
  dev: bigint;
  ino: bigint;
}

export class PartFiles {
  readonly #state: RestoreState;
  readonly #files = new Map<number, PartFile>();
  /** In the order of their last use. */
  readonly #open = new Set<PartFile>();

  constructor(state: RestoreState) {
    this.#state = state;
  }

  /** A file that will be written; nothing is made yet, except that one to be mended is opened and looked at. */
  add(number: number, item: PlannedItem): PartFile {
    const part: PartFile = {
      item,
      name: this.#state.temporaryFor(item),
      left: item.content.length,
      failed: false,
      mended: undefined,
      made: false,
      fd: -1,
      users: 0,
      dev: 0n,
      ino: 0n,
    };
    this.#files.set(number, part);
    if (item.present) this.#tryToMend(part, item.present.blobs, item);
    return part;
  }

  get(number: number): PartFile | undefined {
    return this.#files.get(number);
  }

  /** Only the very file the plan looked at, and only while it has no other name: that would change with it. */
  #tryToMend(part: PartFile, blobs: Uint8Array, item: PlannedItem): void {
    const path = this.#state.place(item);
    let fd: number;
    try {
      fd = openSync(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      // Read-only, or a program that runs: it is written anew beside it.
      return;
    }
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile() || stat.nlink !== 1n || !item.present || !isSameFile(stat, item.present.file)) {
      closeSync(fd);
      return;
    }
    Object.assign(part, { name: item.name, made: true, fd, dev: stat.dev, ino: stat.ino });
    part.mended = { size: Number(stat.size) };
    part.left = blobs.reduce((left, present) => left - present, item.content.length);
    this.#opened(part);
  }

  /** The descriptor to write to, kept open until release(). Makes the file at its full length on its first use. */
  use(part: PartFile): number {
    part.users += 1;
    try {
      if (part.fd < 0) {
        if (part.made) this.#reopen(part);
        else this.#make(part);
      }
      this.#opened(part);
      return part.fd;
    } catch (error) {
      part.users -= 1;
      throw error;
    }
  }

  release(part: PartFile): void {
    part.users -= 1;
  }

  #make(part: PartFile): void {
    this.#state.makeWay(part.item);
    const path = this.#state.place(part.item, part.name);
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    try {
      part.fd = openSync(path, flags, PRIVATE_FILE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // What an interrupted restore left; its names are nobody else's.
      unlinkSync(path);
      part.fd = openSync(path, flags, PRIVATE_FILE);
    }
    part.made = true;
    const { dev, ino } = fstatSync(part.fd, { bigint: true });
    Object.assign(part, { dev, ino });
    ftruncateSync(part.fd, part.item.size);
  }

  #reopen(part: PartFile): void {
    const fd = openSync(this.#state.place(part.item, part.name), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    const { dev, ino } = fstatSync(fd, { bigint: true });
    if (dev !== part.dev || ino !== part.ino) {
      closeSync(fd);
      throw new Error('something else took its place during the restore');
    }
    part.fd = fd;
  }

  #opened(part: PartFile): void {
    this.#open.delete(part);
    this.#open.add(part);
    for (const oldest of this.#open) {
      if (this.#open.size <= MAX_OPEN) break;
      if (oldest.users === 0 && oldest !== part) this.#close(oldest);
    }
  }

  #close(part: PartFile): void {
    this.#open.delete(part);
    if (part.fd >= 0) closeSync(part.fd);
    part.fd = -1;
  }

  /** When the last blob is in: length, metadata, name. */
  finish(number: number, part: PartFile): MetadataFailure[] {
    const { item } = part;
    this.use(part);
    try {
      if (part.mended && part.mended.size !== item.size) ftruncateSync(part.fd, item.size);
      const path = this.#state.place(item, part.name);
      const failures = applyMetadata(path, item, { fd: part.fd, existed: part.mended !== undefined });
      if (part.name !== item.name) renameSync(path, this.#state.place(item));
      this.#files.delete(number);
      return failures;
    } finally {
      this.release(part);
      this.#close(part);
    }
  }

  /** Takes away a file that will not be whole. One that was to be mended stays, half mended: its old time is gone. */
  discard(number: number, part: PartFile): void {
    this.#files.delete(number);
    this.#close(part);
    if (!part.made || part.mended) return;
    try {
      unlinkSync(this.#state.place(part.item, part.name));
    } catch {
      // Already gone, or its folder is: there is nothing half-written left to mislead anyone.
    }
  }

  /** After a cancel or a failure: files that are not whole must not stay. */
  discardAll(): void {
    for (const [number, part] of [...this.#files]) this.discard(number, part);
  }
}
