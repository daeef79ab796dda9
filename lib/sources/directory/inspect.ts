// What a directory source looks like on its host, before a backup starts: a source that is not there must not become an empty backup.

import { constants } from 'node:fs';
import { access, opendir, stat } from 'node:fs/promises';
import { AppError } from '#lib/errors.ts';

export interface DirectoryFacts {
  /** Nothing at all in it. A folder whose file system is not mounted looks like this. */
  empty: boolean;
}

/**
 * Throws 'not-found', 'permission-denied', 'invalid-input' (not a folder) or 'unavailable' (the host cannot read it: a dead
 * mount, say), each with the path.
 */
export async function inspectDirectory(path: string): Promise<DirectoryFacts> {
  try {
    const stats = await stat(path);
    if (!stats.isDirectory()) {
      throw new AppError('invalid-input', {
        message: `"${path}" is not a folder.`,
        hint: 'Choose the folder it is in and leave the rest out with excludes.',
      });
    }
    await access(path, constants.R_OK | constants.X_OK);
    const folder = await opendir(path);
    try {
      return { empty: (await folder.read()) === null };
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw folderError(path, error);
  }
}

/** Turns what the operating system says about a folder into a sentence with a remedy. */
export function folderError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return new AppError('not-found', {
        message: `The folder "${path}" does not exist on this host.`,
        hint: 'Check the path; if it is on a disk or share, check that it is mounted.',
        cause: error,
      });
    case 'ENOTDIR':
      return new AppError('invalid-input', {
        message: `"${path}" is a file, or leads through one.`,
        hint: 'Choose the folder that it is in.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new AppError('permission-denied', {
        message: `The folder "${path}" may not be read by the worker.`,
        hint: 'Give the account of the worker the right to read it, or run the worker as another user.',
        cause: error,
      });
    case 'ELOOP':
      return new AppError('invalid-input', { message: `"${path}" is a circle of symbolic links.`, cause: error });
    case 'ENAMETOOLONG':
      return new AppError('invalid-input', { message: `The path "${path.slice(0, 80)}…" is too long.`, cause: error });
    default:
      return new AppError('unavailable', {
        message: `The folder "${path}" cannot be read: ${(error as Error).message}`,
        hint: 'Check the disk or share it is on.',
        cause: error,
      });
  }
}
