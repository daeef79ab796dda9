// Which entries of a source belong to its backup: patterns, and the rules that need a look at the entry. One instance per
// source and thread; the backup and the counting walk ask the same one.
//
// As restic's: a folder on another file system is kept, empty, where it is mounted; a folder with a tag file keeps that
// file only; the size rule is for files.

import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import type { SelectionRules } from '../types.ts';
import { Excludes } from './excludes.ts';

/** https://bford.info/cachedir/: the tag's file name, and how the file begins. */
const CACHE_TAG = { name: 'CACHEDIR.TAG', header: 'Signature: 8a477f597d28d172789f06886806bc55' };
// A tag that is a link or a pipe must not lead elsewhere or block.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

interface Asked {
  isFolder: boolean;
  /** st_dev and st_size; needed only where `needsStat`. */
  dev: bigint;
  size: bigint;
  isFile: boolean;
}

export class Selection {
  readonly #excludes: Excludes;
  readonly #tags: { name: string; header: Buffer }[];
  readonly #largest: bigint | undefined;
  readonly #source: string;
  readonly #oneFileSystem: boolean;
  #device: bigint | undefined;

  constructor(source: string, excludes: readonly string[], rules: SelectionRules = {}) {
    this.#source = source;
    this.#excludes = new Excludes(excludes, source, rules.insensitiveExcludes);
    const tags = [...(rules.excludeCaches ? [CACHE_TAG] : []), ...(rules.excludeIfPresent ?? [])];
    this.#tags = tags.map(({ name, header }) => ({
      name: Buffer.from(name).toString('latin1'),
      header: Buffer.from(header ?? ''),
    }));
    this.#largest = rules.excludeLargerThan === undefined ? undefined : BigInt(rules.excludeLargerThan);
    this.#oneFileSystem = rules.oneFileSystem ?? false;
  }

  /** No pattern needs a path. */
  get noPatterns(): boolean {
    return this.#excludes.none;
  }

  /** Whether a file must be asked for its size or device before it may be opened. */
  get needsStat(): boolean {
    return this.#largest !== undefined || this.#oneFileSystem;
  }

  /** `relative`: path below the source, without a leading slash; '' for the source itself. */
  excludedByPattern(relative: string, isFolder: boolean): boolean {
    return this.#excludes.excludes(relative, isFolder);
  }

  excludedByStat({ isFolder, isFile, dev, size }: Asked): boolean {
    if (isFile && this.#largest !== undefined && size > this.#largest) return true;
    return !isFolder && this.#elsewhere(dev);
  }

  /** What is kept of a folder's names: all, none of another file system, or the tag file alone. */
  kept(folder: string | Buffer, dev: bigint, names: readonly string[]): readonly string[] {
    if (this.#elsewhere(dev)) return [];
    for (const { name, header } of this.#tags) {
      if (names.includes(name) && startsWith(folder, name, header)) return [name];
    }
    return names;
  }

  #elsewhere(dev: bigint): boolean {
    if (!this.#oneFileSystem) return false;
    this.#device ??= lstatSync(this.#source, { bigint: true }).dev;
    return dev !== this.#device;
  }
}

function startsWith(folder: string | Buffer, name: string, header: Buffer): boolean {
  if (header.length === 0) return true;
  const path = Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name, 'latin1')]);
  let file: number;
  try {
    file = openSync(path, FLAGS);
  } catch {
    // What cannot be read is no tag: the folder is backed up, which loses nothing.
    return false;
  }
  try {
    const start = Buffer.alloc(header.length);
    return readSync(file, start, 0, start.length, 0) === start.length && start.equals(header);
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}
