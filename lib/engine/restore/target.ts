// The place a restore goes to, as it is found.

import { type BigIntStats, lstatSync, readdirSync, realpathSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError } from '#lib/errors.ts';
import { bytesOf } from './plan-items.ts';

/** The target with every symlink on the way to it resolved: only what is below it is not trusted. */
export function resolveTarget(target: string): string {
  const path = resolve(target);
  try {
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      const parent = dirname(path);
      if (parent === path) return path;
      const base = resolveTarget(parent);
      return `${base === '/' ? '' : base}${path.slice(parent === '/' ? 0 : parent.length)}`;
    }
    throw new AppError(code === 'EACCES' ? 'permission-denied' : 'invalid-input', {
      message: `The target folder "${target}" cannot be used: ${(error as Error).message}.`,
      cause: error,
    });
  }
}

export function lstat(target: string): BigIntStats | undefined {
  return lstatSync(bytesOf(target), { bigint: true, throwIfNoEntry: false });
}

export function isEmptyFolder(target: string): boolean {
  try {
    return readdirSync(bytesOf(target)).length === 0;
  } catch {
    // A folder that cannot be read is not ours to remove.
    return false;
  }
}

export function freeBytes(target: string): number | undefined {
  for (let folder = target; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch {
      // Not there yet: the next folder up tells.
      if (folder === dirname(folder)) return undefined;
    }
  }
}
