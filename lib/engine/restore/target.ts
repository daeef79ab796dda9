// The place a restore goes to, as it is found.

import { accessSync, type BigIntStats, constants, lstatSync, readdirSync, realpathSync, statfsSync } from 'node:fs';
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
    if (code === 'EACCES') throw notAllowed(`The target folder "${target}" cannot be reached`, error);
    throw new AppError('invalid-input', {
      message: `The target folder "${target}" cannot be used: ${(error as Error).message}.`,
      cause: error,
    });
  }
}

/** Refuses a target that is still to be made where nothing can be: before a person is shown what would be restored there. */
export function requireMakeable(target: string): void {
  let above = target;
  while (!lstatSync(above, { throwIfNoEntry: false }) && above !== dirname(above)) above = dirname(above);
  if (above === target) return;
  try {
    accessSync(above, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw notAllowed(`The target folder "${target}" cannot be made: "${above}" may not be written to`, error);
  }
}

function notAllowed(message: string, cause: unknown): AppError {
  const { code } = cause as NodeJS.ErrnoException;
  const readOnly = code === 'EROFS';
  return new AppError('permission-denied', {
    message: `${message}: ${readOnly ? 'the file system is mounted read-only' : 'permission denied'}.`,
    hint: 'Restore into a folder that belongs to the user who restores, or restore as root.',
    cause,
  });
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
