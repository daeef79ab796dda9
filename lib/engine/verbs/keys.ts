// The keys of a repository: each is a password that opens the one master key. Adding is done under a shared lock, what
// removes under an exclusive one, as restic does. Rules kept here:
// - A new key is written, read back from the store and opened with its password before anyone relies on it.
// - The key that this repository was opened with is never removed, and what is removed is so only while that one is there.

import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import { AppError, isAppError } from '#lib/errors.ts';
import { DEFAULT_KDF, type KdfParameters } from '../crypto/kdf.ts';
import { checkKeyFile, encodeKeyFile, openKeyFile } from '../format/key.ts';
import { formatDate } from '../format/time.ts';
import { fileName } from '../repository/files.ts';
import type { LockMode } from '../repository/lock.ts';
import { processOwner } from '../repository/process-owner.ts';
import type { Repository } from '../repository/repository.ts';
import type { KeyId } from '../types.ts';
import { findFile } from './list.ts';
import { loadKeyFile } from './open.ts';

export interface KeyInfo {
  id: KeyId;
  username: string;
  hostname: string;
  /** RFC 3339; empty when the file does not say. */
  created: string;
  /** The repository was opened with it. */
  current: boolean;
  /** Why no password opens it. */
  problem?: string;
}

interface KeyCallOptions {
  lockWaitMs?: number;
  signal?: AbortSignal;
}

export interface NewKeyOptions extends KeyCallOptions {
  /** Shown in the list of keys; default this machine and the user of this process. */
  hostname?: string;
  username?: string;
  kdf?: KdfParameters;
}

/** All keys, damaged ones with what is wrong with them; in order of their ids. Takes no lock. */
export async function listKeys(repo: Repository, options: { signal?: AbortSignal } = {}): Promise<KeyInfo[]> {
  const keys: KeyInfo[] = [];
  for await (const { id, size } of repo.listFiles('key', options)) {
    const current = id === repo.keyId;
    try {
      const { owner } = checkKeyFile(id.slice(0, 8), await loadKeyFile(repo.store, id, size, options.signal));
      keys.push({ id, current, ...owner });
    } catch (error) {
      if (isAppError(error, 'not-found')) continue;
      if (!isAppError(error, 'repository-damaged')) throw error;
      keys.push({ id, current, hostname: '', username: '', created: '', problem: error.message });
    }
  }
  return keys.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function underLock<T>(
  repo: Repository,
  mode: LockMode,
  { lockWaitMs, signal }: KeyCallOptions,
  work: (signal: AbortSignal, confirm: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const lock = await repo.lock(mode, { waitMs: lockWaitMs, signal });
  try {
    return await work(signal ? AbortSignal.any([signal, lock.signal]) : lock.signal, () => lock.confirm());
  } finally {
    await lock.release();
  }
}

/** Adds a password. Resolves when the new key is durable and proved to open the repository. */
export function addKey(repo: Repository, password: string, options: NewKeyOptions = {}): Promise<KeyId> {
  return underLock(repo, 'shared', options, (signal) => writeKey(repo, password, options, signal));
}

async function writeKey(
  repo: Repository,
  password: string,
  options: NewKeyOptions,
  signal: AbortSignal,
): Promise<KeyId> {
  if (password === '') throw new AppError('invalid-input', 'The password of a repository must not be empty.');
  const file = await encodeKeyFile(repo.masterKey, password, options.kdf ?? DEFAULT_KDF, {
    hostname: options.hostname ?? hostname(),
    username: options.username ?? processOwner().username,
    created: formatDate(new Date()),
  });
  const id = hash('sha256', file, 'hex') as KeyId;
  await repo.store.put(fileName('key', id), [file], { signal });
  try {
    const stored = await loadKeyFile(repo.store, id, file.length, signal);
    const opened = await openKeyFile(id.slice(0, 8), stored, password);
    if (!opened?.equals(repo.masterKey)) throw new AppError('repository-damaged', 'It holds another master key.');
  } catch (cause) {
    await repo.removeFile('key', id).catch(() => undefined);
    throw new AppError(isAppError(cause) ? cause.code : 'internal', {
      message: `The new key did not open the repository when it was read back, and was taken away again. ${(cause as Error).message}`,
      hint: 'The old password still works. Test the memory of this machine and the store, then try again.',
      cause,
    });
  }
  return id;
}

export interface KeyRemovalPlan {
  key: KeyInfo;
  /** Keys that stay. */
  remaining: KeyInfo[];
  execute(): Promise<void>;
}

/** Throws 'not-found', or 'conflict' for the key in use. `reference`: an id or its first digits. */
export async function planKeyRemoval(
  repo: Repository,
  reference: string,
  options: KeyCallOptions = {},
): Promise<KeyRemovalPlan> {
  const id = await findFile(repo, 'key', reference, options.signal);
  if (id === repo.keyId) {
    throw new AppError('conflict', {
      message: `The key ${id.slice(0, 8)} is the one the repository was opened with; it cannot remove itself.`,
      hint: 'Open the repository with another password, or change this one with "key passwd".',
    });
  }
  const keys = await listKeys(repo, options);
  const key = keys.find((candidate) => candidate.id === id);
  if (!key) throw new AppError('not-found', `The key ${id.slice(0, 8)} is gone already.`);
  return {
    key,
    remaining: keys.filter((candidate) => candidate.id !== id),
    execute: () => underLock(repo, 'exclusive', options, (signal, confirm) => removeKey(repo, id, signal, confirm)),
  };
}

async function removeKey(repo: Repository, id: KeyId, signal: AbortSignal, confirm: () => Promise<void>) {
  try {
    await repo.store.stat(fileName('key', repo.keyId), { signal });
  } catch (cause) {
    throw new AppError('conflict', {
      message: `The key ${repo.keyId.slice(0, 8)}, which this repository was opened with, is gone; no other one is removed.`,
      hint: 'Open the repository again with a password that works.',
      cause,
    });
  }
  await confirm();
  await repo.removeFile('key', id, { signal });
}

export interface ChangedPassword {
  added: KeyId;
  removed: KeyId;
}

/**
 * Replaces the password the repository was opened with: the new key is added and proved, then the old one removed. When that last
 * step fails both work, and the error says so. `repo` goes on working, with the new key.
 */
export function changePassword(
  repo: Repository,
  password: string,
  options: NewKeyOptions = {},
): Promise<ChangedPassword> {
  return underLock(repo, 'exclusive', options, async (signal, confirm) => {
    const added = await writeKey(repo, password, options, signal);
    const removed = repo.keyId;
    repo.keyId = added;
    try {
      await confirm();
      await repo.removeFile('key', removed, { signal });
    } catch (cause) {
      throw new AppError(isAppError(cause) ? cause.code : 'internal', {
        message: `The new password works, but the old key ${removed.slice(0, 8)} could not be removed: ${(cause as Error).message}`,
        hint: 'Both passwords open the repository. Open it with the new one and remove the old key with "key remove".',
        cause,
      });
    }
    return { added, removed };
  });
}
