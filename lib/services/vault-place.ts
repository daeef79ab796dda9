// Whether a new vault may be made in a folder, and taking back what was made when making it failed. "Nothing changed" is meant
// literally: a refused folder is as it was.

import { constants } from 'node:fs';
import { access, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import type { StoreConfig } from '#lib/contracts/vaults.ts';
import { whatIsThere } from '#lib/engine/verbs/open.ts';
import { AppError, type ErrorCode } from '#lib/errors.ts';
import { LocalStore } from '#lib/stores/local.ts';

/** NAME_MAX of every file system in use. */
const MAX_NAME_BYTES = 255;

function refuse(code: ErrorCode, message: string, hint: string): AppError {
  return new AppError(code, { message, hint, fields: { 'store.path': message } });
}

/** The folder in its one spelling. Errors carry the field `store.path`. */
export function vaultFolder(path: string): string {
  if (/\p{Cc}/u.test(path)) {
    throw refuse(
      'invalid-input',
      'The folder name contains a line break or another control character.',
      'Choose another folder.',
    );
  }
  const parts = path.split('/');
  if (parts.includes('..')) {
    throw refuse('invalid-input', 'The path contains "..".', 'Give the folder without it.');
  }
  const long = parts.find((part) => Buffer.byteLength(part) > MAX_NAME_BYTES);
  if (long !== undefined) {
    throw refuse(
      'invalid-input',
      `The name "${long.slice(0, 40)}…" has ${Buffer.byteLength(long)} bytes; file systems take ${MAX_NAME_BYTES}.`,
      'Choose a shorter name.',
    );
  }
  const folder = normalize(path).replace(/(?<=.)\/+$/, '');
  if (folder === '/')
    throw refuse(
      'invalid-input',
      'A vault needs a folder of its own, not "/".',
      'Name a new folder, such as /srv/vault.',
    );
  return folder;
}

/** Makes the folder when there is none. Throws and leaves everything as it was unless it is empty, ours to write, and nobody's vault. */
export async function prepareVaultFolder(
  folder: string,
  dataDir: string,
  others: readonly { name: string; store: StoreConfig }[],
): Promise<{ undo(): Promise<void> }> {
  const real = await realFolder(folder);
  for (const other of others) {
    const taken = await realFolder(other.store.path);
    if (real === taken) {
      throw refuse('conflict', `This folder already belongs to the vault "${other.name}".`, 'Choose another folder.');
    }
    if (inside(real, taken) || inside(taken, real)) {
      throw refuse(
        'conflict',
        `The folder and the one of the vault "${other.name}" (${other.store.path}) lie in each other.`,
        'Choose a folder beside it.',
      );
    }
  }
  const data = await realFolder(dataDir);
  if (real === data || inside(real, data)) {
    throw refuse(
      'conflict',
      `This is in Holdfast's own data folder (${dataDir}).`,
      'Choose a folder outside, best on another disk.',
    );
  }
  if (await exists(folder)) {
    await requireEmpty(folder);
    return { undo: () => emptyFolder(folder) };
  }
  try {
    const first = await makeFolders(folder);
    return { undo: () => (first === undefined ? emptyFolder(folder) : rm(first, { recursive: true, force: true })) };
  } catch (error) {
    throw unwritable(folder, error);
  }
}

/**
 * Makes a folder with the parents it lacks and returns the first it made. Not mkdir's own `recursive`: below /proc, where mkdir
 * answers ENOENT although the parent is there, Node 24 tries for ever and takes a thread with it.
 */
async function makeFolders(folder: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = folder; !(await stat(at).catch(absent)); at = dirname(at)) missing.unshift(at);
  let first: string | undefined;
  try {
    for (const at of missing) {
      await mkdir(at, { mode: 0o700 });
      first ??= at;
    }
  } catch (error) {
    if (first !== undefined) await rm(first, { recursive: true, force: true });
    throw error;
  }
  return first;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function exists(folder: string): Promise<boolean> {
  try {
    if ((await stat(folder)).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unwritable(folder, error);
  }
  throw refuse('invalid-input', `${folder} is a file, not a folder.`, 'Choose another folder.');
}

async function requireEmpty(folder: string): Promise<void> {
  let names: string[];
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    names = await readdir(folder);
  } catch (error) {
    throw unwritable(folder, error);
  }
  // A fresh disk is not empty for ext4.
  if (names.every((name) => name === 'lost+found')) return;
  const parts = await whatIsThere(new LocalStore(folder));
  if (parts.includes('the config') && parts.some((part) => / keys?$/.test(part))) {
    throw refuse(
      'repository-exists',
      `${folder} already is a restic repository that belongs to no vault here.`,
      'Adopting an existing repository comes in a later version. Nothing was changed; choose an empty folder for now.',
    );
  }
  if (parts.length > 0) {
    throw refuse(
      'repository-damaged',
      `${folder} holds half a repository: ${parts.join(', ')}, and the rest is missing.`,
      'It may still be worth rescuing, so nothing was changed. Choose an empty folder.',
    );
  }
  const some = names
    .slice(0, 3)
    .map((name) => JSON.stringify(name))
    .join(', ');
  throw refuse(
    'not-a-repository',
    `${folder} is not empty and not a repository: it holds ${some}${names.length > 3 ? ` and ${names.length - 3} more` : ''}.`,
    'Choose an empty folder, or a new one in it.',
  );
}

function unwritable(folder: string, error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException).code;
  const hint = 'Make it writable for the user who runs Holdfast, or choose another folder.';
  if (code === 'EACCES' || code === 'EPERM')
    return refuse('permission-denied', `Holdfast may not write to ${folder}.`, hint);
  if (code === 'EROFS')
    return refuse('permission-denied', `${folder} is on a file system that is mounted read-only.`, hint);
  if (code === 'ENOSPC')
    return refuse('no-space', `There is no space left for ${folder}.`, 'Free some, or choose another disk.');
  if (code === 'ENOENT')
    return refuse('invalid-input', `${folder} cannot be made there.`, 'Choose a folder on a disk.');
  if (code === 'ENOTDIR')
    return refuse('invalid-input', `A part of ${folder} is a file, not a folder.`, 'Choose another folder.');
  if (code === 'ENAMETOOLONG')
    return refuse(
      'invalid-input',
      `${folder.slice(0, 60)}… is too long for this file system.`,
      'Choose a shorter name.',
    );
  return refuse('invalid-input', `${folder} cannot be used: ${(error as Error).message}`, hint);
}

/** With symbolic links resolved as far as it exists, so that two spellings of one folder are seen as one. */
async function realFolder(folder: string): Promise<string> {
  let rest = '';
  for (let at = folder; ; at = dirname(at)) {
    try {
      return join(await realpath(at), rest);
    } catch {
      // Not there yet, or not ours to see: its parent decides.
      if (at === dirname(at)) return folder;
      rest = join(at.slice(dirname(at).length).replace(/^\//, ''), rest);
    }
  }
}

function inside(folder: string, outer: string): boolean {
  return folder.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** Only ever called on a folder that was empty when we began. */
async function emptyFolder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== 'lost+found') await rm(join(folder, name), { recursive: true, force: true });
  }
}
