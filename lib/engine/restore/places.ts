// Where the entries of a restore lie, so that nothing a local user plants meanwhile can lead a write out of the target.
// Every folder is opened from the target's own descriptor without following a symlink, and its entries are named through
// /proc/self/fd/<descriptor>/<name>, which the kernel resolves from that very folder. Calls must not follow a symlink at
// the name itself (O_NOFOLLOW, lchown, …).
//
// Where there is no /proc or no openat (not Linux), entries are named by their paths, and folders are looked at once
// before something is made in them: that leaves a window, which docs name.

import { constants, existsSync, lstatSync, openSync } from 'node:fs';
import { O_PATH, PosixError, posix } from './posix.ts';

/** Descriptors kept by each thread; the same folder comes many times in a row. */
const MAX_OPEN = 32;
/** The kernel takes paths up to 4095 bytes; deeper folders are reached in steps. */
const MAX_STEP = 2048;

const usable = posix !== undefined && existsSync('/proc/self/fd');

/** Opens the target itself, symlinks on the way to it included: they were resolved before. -1 where descriptors are of no use. */
export function openTarget(target: string): number {
  if (!usable) return -1;
  return openSync(Buffer.from(target || '/', 'latin1'), O_PATH | constants.O_DIRECTORY);
}

export class Places {
  readonly #target: string;
  readonly #root: number;
  readonly #open = new Map<string, number>();
  #lastFolder: string | undefined;
  #lastPrefix = '';

  /** `target` as latin1 text of its bytes, '' for '/'. `root` from openTarget(), owned by the caller. */
  constructor(target: string, root: number) {
    this.#target = target;
    this.#root = root;
  }

  /** What to put before `/<name>` for an entry of the folder, given by its place as latin1 text. Valid until the next call. */
  prefix(folder: string): string {
    if (folder === this.#lastFolder) return this.#lastPrefix;
    this.#lastPrefix = this.#find(folder);
    this.#lastFolder = folder;
    return this.#lastPrefix;
  }

  /** A folder that stays reachable while others are: for calls that name entries of two. */
  hold(folder: string): { entry(name: string): Buffer; release(): void } {
    if (this.#root < 0 || folder === this.#target) {
      const prefix = this.prefix(folder);
      return { entry: (name) => Buffer.from(`${prefix}/${name}`, 'latin1'), release: () => {} };
    }
    const fd = this.#openFolder(folder.slice(this.#target.length + 1));
    return {
      entry: (name) => Buffer.from(`/proc/self/fd/${fd}/${name}`, 'latin1'),
      release: () => posix?.close(fd),
    };
  }

  entry(folder: string, name: string): Buffer {
    return Buffer.from(`${this.prefix(folder)}/${name}`, 'latin1');
  }

  #find(folder: string): string {
    if (folder === this.#target) return this.#root < 0 ? folder : `/proc/self/fd/${this.#root}`;
    if (this.#root < 0) {
      const stat = lstatSync(Buffer.from(folder, 'latin1'), { throwIfNoEntry: false });
      if (!stat?.isDirectory()) throw lostFolder(folder);
      return folder;
    }
    let fd = this.#open.get(folder);
    if (fd === undefined) {
      fd = this.#openFolder(folder.slice(this.#target.length + 1));
      for (const [oldest, other] of this.#open) {
        if (this.#open.size < MAX_OPEN) break;
        this.#open.delete(oldest);
        posix?.close(other);
      }
    } else this.#open.delete(folder);
    this.#open.set(folder, fd);
    return `/proc/self/fd/${fd}`;
  }

  #openFolder(relative: string): number {
    let at = this.#root;
    for (let from = 0; from < relative.length; ) {
      let to = relative.length;
      if (to - from > MAX_STEP) to = relative.lastIndexOf('/', from + MAX_STEP);
      let next: number;
      try {
        next = (posix as NonNullable<typeof posix>).openFolder(at, Buffer.from(relative.slice(from, to), 'latin1'));
      } catch (error) {
        if (error instanceof PosixError && ['ELOOP', 'ENOTDIR', 'EXDEV'].includes(error.code))
          throw lostFolder(relative);
        throw error;
      } finally {
        if (at !== this.#root) posix?.close(at);
      }
      at = next;
      from = to + 1;
    }
    return at;
  }

  /** After a folder was removed or replaced: its descriptor would lead to the old one. */
  forget(): void {
    for (const fd of this.#open.values()) posix?.close(fd);
    this.#open.clear();
    this.#lastFolder = undefined;
  }

  close(): void {
    this.forget();
  }
}

function lostFolder(folder: string): Error {
  return new Error(`something else took the place of its folder "${folder}" during the restore`);
}

/** What went wrong, without the descriptor's path that Node adds: the problem names the real one. */
export function reasonOf(error: unknown): string {
  return (error as Error).message.replace(/(, \w+) '\/proc\/self\/fd\/.*$/s, '$1');
}
