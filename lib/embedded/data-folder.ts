// The data folder at the start: there, writable, with room, and ours alone. Each failure is a sentence that says what to do.

import { chmod, mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../errors.ts';

/** A new cluster with its log takes about 80 MB; the rest is for the first rows and for temporary files. */
const FREE_BYTES_FIRST_START = 256 * 2 ** 20;
/** PostgreSQL stops hard when its log finds no room; better not to start. */
const FREE_BYTES_ALWAYS = 64 * 2 ** 20;
const MB = 10 ** 6;

/** Owner only; as root others may pass through, because PostgreSQL then runs under another account. */
const PRIVATE_MODE = 0o700;
const PASS_THROUGH_MODE = 0o711;

/** Makes the folder or checks it. Errors: `permission-denied`, `no-space`, `invalid-input`. */
export async function prepareDataFolder(folder: string, withPostgres: boolean): Promise<void> {
  const asRoot = process.getuid?.() === 0;
  const probe = join(folder, `.writable-${process.pid}`);
  try {
    // Parents made on the way get ordinary modes, so that the account of PostgreSQL can pass.
    await mkdir(dirname(folder), { recursive: true });
    await mkdir(folder, { mode: asRoot ? PASS_THROUGH_MODE : PRIVATE_MODE }).catch(ignoreExisting);
    await writeFile(probe, 'x');
    await rm(probe);
    const { mode, uid } = await stat(folder);
    if (asRoot && withPostgres && uid === 0 && (mode & 0o001) === 0) await chmod(folder, (mode & 0o7777) | 0o011);
  } catch (error) {
    throw folderError(folder, error);
  }
  const { bavail, bsize } = await statfs(folder);
  const isNew = !(await stat(join(folder, 'postgres', 'cluster')).then(
    () => true,
    () => false,
  ));
  const needed = withPostgres && isNew ? FREE_BYTES_FIRST_START : FREE_BYTES_ALWAYS;
  if (bavail * bsize < needed) {
    throw new AppError('no-space', {
      message: `The disk of the data folder ${folder} is full: ${Math.floor((bavail * bsize) / MB)} MB are free, ${Math.ceil(needed / MB)} MB are needed.`,
      hint: 'Free some space, or choose a folder on another disk with HOLDFAST_DATA_DIR.',
    });
  }
}

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process. The lock is the kernel's, held through SQLite, which Node can do without native packages: it
 * ends with the process however that ends, so no stale lock needs recognising. Error: `conflict` when another one runs.
 */
export function lockDataFolder(folder: string): FolderLock {
  const file = join(folder, 'instance.lock');
  const database = new DatabaseSync(file);
  try {
    // Writes nothing: the empty file only carries the lock.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!(error instanceof Error && error.message.includes('locked'))) throw error;
    throw new AppError('conflict', {
      message: `Another Holdfast is running on this data folder (${folder}).`,
      hint: 'Use that one, stop it first, or give this one a folder of its own with HOLDFAST_DATA_DIR and a port with HOLDFAST_PORT.',
      cause: error,
    });
  }
  return { release: () => database.close() };
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function folderError(folder: string, error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException).code;
  const elsewhere = 'choose another with HOLDFAST_DATA_DIR=/some/folder';
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return new AppError('permission-denied', {
        message: `The data folder ${folder} is not writable for ${userInfo().username}.`,
        hint: `Give it to this user (chown), or ${elsewhere}.`,
        cause: error,
      });
    case 'EROFS':
      return new AppError('permission-denied', {
        message: `The data folder ${folder} is on a file system that is mounted read-only.`,
        hint: `Mount it writable, or ${elsewhere}.`,
        cause: error,
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return new AppError('no-space', {
        message: `The disk of the data folder ${folder} is full.`,
        hint: `Free some space, or ${elsewhere}.`,
        cause: error,
      });
    case 'ENOTDIR':
    case 'EEXIST':
      return new AppError('invalid-input', {
        message: `The data folder ${folder} is a file, or is below one.`,
        hint: `Move that file away, or ${elsewhere}.`,
        cause: error,
      });
    default:
      return new AppError('internal', {
        message: `The data folder ${folder} cannot be used: ${error instanceof Error ? error.message : error}`,
        hint: `Look at that folder, or ${elsewhere}.`,
        cause: error,
      });
  }
}
