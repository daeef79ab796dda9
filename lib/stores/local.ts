// A folder of this machine or a mounted share. Objects are written the way restic's local backend does it: temporary file
// in the target folder, written, fsynced, renamed, folder fsynced, made read-only. A reader therefore sees an object
// whole or not at all, and a power cut after put() loses nothing. What a crash leaves is named *-tmp-*: list() hides it.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AppError, throwIfCancelled } from '#lib/errors.ts';
import { noObject, shortObject, storeName, storePrefix } from './names.ts';
import type { Store, StoreCallOptions, StoreEntry } from './store.ts';

/** restic's value for its local backend: more only makes a disk seek. */
const CONNECTIONS = 2;
const TEMPORARY = '-tmp-';
const FOLDERS = ['data', 'index', 'keys', 'locks', 'snapshots'];
const GROUP_READ = 0o040;

interface Modes {
  file: number;
  folder: number;
}

const PRIVATE: Modes = { file: 0o400, folder: 0o700 };
const GROUP: Modes = { file: 0o440, folder: 0o750 };

export class LocalStore implements Store {
  readonly location: string;
  readonly connections = CONNECTIONS;
  #modes: Modes | undefined;
  /** Device and inode of the folder when it was first seen. Another one later is the empty mount point below. */
  #identity: string | undefined;

  /** `folder` may be missing as long as only prepare() or reads are called. */
  constructor(folder: string) {
    this.location = resolve(folder);
  }

  async put(name: string, parts: readonly Uint8Array[], options: StoreCallOptions = {}): Promise<void> {
    const target = join(this.location, storeName(name));
    throwIfCancelled(options.signal);
    await this.#sameFolder();
    const modes = await this.#findModes();
    const temporary = `${target}${TEMPORARY}${randomBytes(6).toString('hex')}`;
    try {
      const file = await this.#create(temporary, modes);
      try {
        await writeAll(file, parts);
        throwIfCancelled(options.signal);
        await file.sync();
        await makeReadOnly(file, modes.file);
      } finally {
        await file.close();
      }
      await rename(temporary, target);
      await syncFolder(dirname(target));
    } catch (error) {
      // The error that is thrown matters, not that the rest stays; it is hidden from list().
      await rm(temporary, { force: true }).catch(() => undefined);
      throw this.#problem('write', name, error);
    }
  }

  async #create(temporary: string, modes: Modes): Promise<FileHandle> {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
    try {
      return await open(temporary, flags, 0o600);
    } catch (error) {
      if (code(error) !== 'ENOENT') throw error;
    }
    // A folder data/xx that is missing, as in a repository copied without its empty folders. Never the store itself:
    // a share that is not mounted must be an error, not a new repository on the disk below.
    await this.#sameFolder();
    await stat(this.location);
    const folder = dirname(temporary);
    await mkdir(folder, { recursive: true, mode: modes.folder });
    await syncFolder(dirname(folder));
    return await open(temporary, flags, 0o600);
  }

  async get(name: string, range?: { offset: number; length: number }, options: StoreCallOptions = {}): Promise<Buffer> {
    const path = join(this.location, storeName(name));
    throwIfCancelled(options.signal);
    if (this.#identity === undefined) await this.#sameFolder();
    try {
      const file = await open(path, constants.O_RDONLY);
      try {
        const { size } = await file.stat();
        const { offset, length } = range ?? { offset: 0, length: size };
        if (offset + length > size) throw shortObject(name, { offset, length }, size);
        const bytes = Buffer.allocUnsafeSlow(length);
        for (let at = 0; at < length; ) {
          throwIfCancelled(options.signal);
          const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
          if (bytesRead === 0) throw shortObject(name, { offset, length }, offset + at);
          at += bytesRead;
        }
        return bytes;
      } finally {
        await file.close();
      }
    } catch (error) {
      // An object that is gone is damage; a store that is gone is not.
      if (code(error) === 'ENOENT') await this.#sameFolder();
      throw this.#problem('read', name, error);
    }
  }

  async stat(name: string, options: StoreCallOptions = {}): Promise<StoreEntry> {
    const path = join(this.location, storeName(name));
    throwIfCancelled(options.signal);
    if (this.#identity === undefined) await this.#sameFolder();
    try {
      const found = await stat(path);
      if (!found.isFile()) throw noObject(name, this.location);
      return { name, size: found.size };
    } catch (error) {
      if (code(error) === 'ENOENT') await this.#sameFolder();
      throw this.#problem('read', name, error);
    }
  }

  async *list(prefix: string, options: StoreCallOptions = {}): AsyncGenerator<StoreEntry> {
    storePrefix(prefix);
    await this.#sameFolder();
    const pending = [prefix];
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      const names: string[] = [];
      try {
        for await (const entry of await opendir(join(this.location, folder), { bufferSize: 1024 })) {
          throwIfCancelled(options.signal);
          if (entry.isDirectory()) pending.push(`${folder}${entry.name}/`);
          else if (!entry.name.includes(TEMPORARY)) names.push(entry.name);
        }
      } catch (error) {
        // A folder that is not there holds nothing; a repository is told from nothing by its config and keys.
        if (code(error) === 'ENOENT') {
          await this.#sameFolder();
          continue;
        }
        throw this.#problem('list', folder, error);
      }
      for (const entry of names) {
        throwIfCancelled(options.signal);
        const found = await stat(join(this.location, folder, entry)).catch(async (error: unknown) => {
          if (code(error) !== 'ENOENT') throw this.#problem('read', folder + entry, error);
          // Deleted since it was listed, as locks are.
          await this.#sameFolder();
          return undefined;
        });
        if (found?.isFile()) yield { name: folder + entry, size: found.size };
      }
    }
  }

  async delete(name: string, options: StoreCallOptions = {}): Promise<void> {
    const path = join(this.location, storeName(name));
    throwIfCancelled(options.signal);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw this.#problem('delete', name, error);
    }
  }

  async prepare(options: StoreCallOptions = {}): Promise<void> {
    throwIfCancelled(options.signal);
    try {
      await mkdir(this.location, { recursive: true, mode: PRIVATE.folder });
      for (const folder of FOLDERS) {
        await mkdir(join(this.location, folder), { recursive: true, mode: PRIVATE.folder });
      }
      for (let byte = 0; byte < 256; byte++) {
        const folder = byte.toString(16).padStart(2, '0');
        await mkdir(join(this.location, 'data', folder), { recursive: true, mode: PRIVATE.folder });
      }
      await syncFolder(join(this.location, 'data'));
      await syncFolder(this.location);
      this.#identity = await identityOf(this.location);
    } catch (error) {
      throw this.#problem('create', '', error);
    }
  }

  async close(): Promise<void> {}

  /**
   * A disk that is unmounted in the middle leaves its empty mount point: what is written there is on another disk, and what is
   * looked for there is not "gone". A folder that was never there is no matter of this.
   */
  async #sameFolder(): Promise<void> {
    let now: string | undefined;
    try {
      now = await identityOf(this.location);
    } catch (error) {
      if (code(error) !== 'ENOENT') throw this.#problem('reach', '', error);
    }
    this.#identity ??= now;
    if (now === this.#identity) return;
    throw new AppError('unavailable', {
      message: `The folder ${this.location} is not the one it was: the disk or share is no longer mounted.`,
      hint: 'Mount it again, then run it again.',
    });
  }

  /** As restic: a config that its group may read makes everything readable by the group. */
  async #findModes(): Promise<Modes> {
    if (this.#modes) return this.#modes;
    try {
      const { mode } = await stat(join(this.location, 'config'));
      this.#modes = mode & GROUP_READ ? GROUP : PRIVATE;
      return this.#modes;
    } catch (error) {
      if (code(error) === 'ENOENT') return PRIVATE;
      throw error;
    }
  }

  #problem(verb: string, name: string, cause: unknown): unknown {
    if (cause instanceof AppError) return cause;
    const what = name === '' ? this.location : `${name} in ${this.location}`;
    const message = `Could not ${verb} ${what}`;
    switch (code(cause)) {
      case 'ENOENT':
        return verb === 'read'
          ? noObject(name, this.location, cause)
          : new AppError('not-found', {
              message: `${message}: the folder is not there.`,
              hint: 'Is the disk or share mounted?',
              cause,
            });
      case 'ENOSPC':
      case 'EDQUOT':
        return new AppError('no-space', {
          message: `${message}: ${code(cause) === 'EDQUOT' ? 'the quota is used up' : 'the disk is full'}.`,
          hint: 'Free some space there, then run it again.',
          cause,
        });
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        return new AppError('permission-denied', {
          message: `${message}: ${code(cause) === 'EROFS' ? 'it is mounted read-only' : 'permission denied'}.`,
          hint: 'Give the user that runs this program write access to the folder.',
          cause,
        });
      default:
        return new AppError('unavailable', {
          message: `${message}: ${(cause as Error).message}`,
          retryable: true,
          cause,
        });
    }
  }
}

function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

async function identityOf(folder: string): Promise<string> {
  // Inode numbers of some file systems do not fit a double.
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${dev}:${ino}`;
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const { bytesWritten } = await file.write(part, at, part.length - at);
      at += bytesWritten;
    }
  }
}

async function makeReadOnly(file: FileHandle, mode: number): Promise<void> {
  try {
    await file.chmod(mode);
  } catch (error) {
    // Shares without modes (CIFS, some FUSE file systems) refuse; read-only is a second line of defence only.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code(error) ?? '')) throw error;
  }
}

/** Makes renames and new names in a folder survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await folder.sync();
  } catch (error) {
    // File systems that cannot sync folders say so; there is nothing better to do there. restic ignores the same ones.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(code(error) ?? '')) throw error;
  } finally {
    await folder?.close();
  }
}
