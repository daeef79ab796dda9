// From a vault's row to its opened repository.
//
// openVault: a repository of one's own, for work that ends (a run). The caller closes it.
// readVault: the web process's shared readers, kept open while pages are looked at, so that a click costs no scrypt run. Reads only.

import { join } from 'node:path';
import type { StoreConfig } from '#lib/contracts/vaults.ts';
import { findVaultSecret, type VaultSecret } from '#lib/db/vaults.ts';
import { CpuPool } from '#lib/engine/cpu/pool.ts';
import type { Repository } from '#lib/engine/repository/repository.ts';
import { openRepository } from '#lib/engine/verbs/open.ts';
import { AppError, isAppError } from '#lib/errors.ts';
import { masterKey } from '#lib/secrets/instance.ts';
import { unsealSecret } from '#lib/secrets/seal.ts';
import { LocalStore } from '#lib/stores/local.ts';
import type { Store } from '#lib/stores/store.ts';

/** Each holds its index in memory: 8 vaults of a million blobs are some 500 MB, the most a web process may take. */
const MAX_OPEN = 8;
const IDLE_MS = 10 * 60_000;
/** Browsing wants one folder at a time; two threads keep a download from stalling it. */
const READER_THREADS = 2;

export interface OpenVault {
  vault: Pick<VaultSecret, 'id' | 'name' | 'store' | 'repositoryId'>;
  store: Store;
  repository: Repository;
  close(): Promise<void>;
}

export function storeOf(config: StoreConfig): Store {
  return new LocalStore(config.path);
}

/** The password of a vault, for the recovery kit and for opening it; never for an answer or a log. */
export async function vaultPassword(vault: VaultSecret): Promise<string> {
  return unsealSecret(await masterKey(), vault.sealedPassword, { table: 'vault', id: vault.id, field: 'password' });
}

/** Errors: those of openRepository, 'not-found', and 'conflict' when another repository stands at the vault's place. */
export async function openVault(
  vaultId: string,
  options: { cpu?: CpuPool; signal?: AbortSignal } = {},
): Promise<OpenVault> {
  const vault = await findVaultSecret(vaultId);
  if (vault === null) throw new AppError('not-found', { message: 'There is no such vault.' });
  const store = storeOf(vault.store);
  let repository: Repository | undefined;
  try {
    repository = await openRepository(store, { password: await vaultPassword(vault), ...options });
    if (repository.id !== vault.repositoryId) {
      throw new AppError('conflict', {
        message: `At ${store.location} stands another repository (${repository.id.slice(0, 8)}) than the one of the vault "${vault.name}" (${vault.repositoryId.slice(0, 8)}).`,
        hint: 'Was another disk mounted there? Mount the right one, then try again.',
      });
    }
  } catch (error) {
    await repository?.close();
    await store.close();
    throw named(error, vault);
  }
  const opened = repository;
  return {
    vault,
    store,
    repository: opened,
    async close() {
      await opened.close();
      await store.close();
    },
  };
}

/** The engine knows locations, people know names. */
function named(error: unknown, vault: VaultSecret): unknown {
  if (!isAppError(error, 'not-a-repository', 'wrong-password')) return error;
  return new AppError(error.code, {
    message: `The vault "${vault.name}" cannot be opened. ${error.message}`,
    hint:
      error.code === 'wrong-password'
        ? 'The repository was given other keys than the ones Holdfast made. Its recovery kit may still open it.'
        : 'Is its disk or share mounted on this machine? Mount it, then try again.',
    cause: error,
  });
}

interface Reader {
  opening: Promise<OpenVault>;
  users: number;
  lastUsed: number;
  stale: boolean;
}

const holder = globalThis as typeof globalThis & {
  holdfastReaders?: Map<string, Reader>;
  holdfastReaderPool?: CpuPool;
};

function readerPool(): CpuPool {
  // Next bundles this file, so import.meta.url does not lead to the engine: the path is told. The working folder of the web
  // process is the checkout. turbopackIgnore keeps the bundler from taking the whole checkout for an asset.
  holder.holdfastReaderPool ??= new CpuPool({
    threads: READER_THREADS,
    entry: join(/* turbopackIgnore: true */ process.cwd(), 'lib', 'engine', 'cpu', 'thread.mjs'),
  });
  return holder.holdfastReaderPool;
}

/**
 * Calls `work` with an open repository whose index is loaded. When it lacks something the index is read again, once: someone may
 * have pruned since. (New recovery points the engine's readers find by themselves.)
 */
export async function readVault<T>(vaultId: string, work: (open: OpenVault) => Promise<T>): Promise<T> {
  const reader = take(vaultId);
  try {
    const open = await reader.opening;
    try {
      return await work(open);
    } catch (error) {
      if (!isAppError(error, 'repository-damaged')) throw error;
      await open.repository.loadIndex();
      return await work(open);
    }
  } catch (error) {
    forgetUnmounted(vaultId, reader, error);
    throw error;
  } finally {
    release(vaultId, reader);
  }
}

/** For downloads, which outlive the call that began them: the reader stays open until `done()`. */
export async function holdVault(vaultId: string): Promise<OpenVault & { done(): void }> {
  const reader = take(vaultId);
  try {
    const open = await reader.opening;
    await open.repository.loadIndex();
    let released = false;
    return {
      ...open,
      done() {
        if (!released) release(vaultId, reader);
        released = true;
      },
    };
  } catch (error) {
    forgetUnmounted(vaultId, reader, error);
    release(vaultId, reader);
    throw error;
  }
}

/** A store that went away may come back as another mount, which this reader would refuse for ever. */
function forgetUnmounted(vaultId: string, reader: Reader, error: unknown): void {
  if (isAppError(error, 'unavailable') && readersOf().get(vaultId) === reader) forgetReader(vaultId);
}

/** The vault was changed or removed: the next reader opens it anew. */
export function forgetReader(vaultId: string): void {
  const readers = readersOf();
  const reader = readers.get(vaultId);
  if (reader === undefined) return;
  readers.delete(vaultId);
  reader.stale = true;
  if (reader.users === 0) closeQuietly(reader);
}

/** The last step of an orderly stop, and for tests. */
export async function closeReaders(): Promise<void> {
  for (const id of [...readersOf().keys()]) forgetReader(id);
  const pool = holder.holdfastReaderPool;
  delete holder.holdfastReaderPool;
  await pool?.close();
}

function readersOf(): Map<string, Reader> {
  holder.holdfastReaders ??= new Map();
  return holder.holdfastReaders;
}

function take(vaultId: string): Reader {
  const readers = readersOf();
  let reader = readers.get(vaultId);
  if (reader === undefined) {
    const opening = openVault(vaultId, { cpu: readerPool() }).then(async (open) => {
      await open.repository.loadIndex();
      return open;
    });
    reader = { opening, users: 0, lastUsed: Date.now(), stale: false };
    readers.set(vaultId, reader);
    // A failure is not remembered: the disk may be mounted the next moment.
    opening.catch(() => readers.get(vaultId)?.opening === opening && readers.delete(vaultId));
    makeRoom();
  }
  reader.users += 1;
  reader.lastUsed = Date.now();
  return reader;
}

function release(vaultId: string, reader: Reader): void {
  reader.users -= 1;
  reader.lastUsed = Date.now();
  if (reader.users > 0) return;
  if (reader.stale) {
    closeQuietly(reader);
    return;
  }
  setTimeout(() => {
    if (reader.users === 0 && Date.now() - reader.lastUsed >= IDLE_MS && readersOf().get(vaultId) === reader)
      forgetReader(vaultId);
  }, IDLE_MS).unref();
}

/** Closes the one that was unused for longest. Readers in use stay, so a burst of downloads may exceed the bound for its time. */
function makeRoom(): void {
  const readers = readersOf();
  if (readers.size <= MAX_OPEN) return;
  const idle = [...readers].filter(([, reader]) => reader.users === 0).sort(([, a], [, b]) => a.lastUsed - b.lastUsed);
  for (const [id] of idle.slice(0, readers.size - MAX_OPEN)) forgetReader(id);
}

function closeQuietly(reader: Reader): void {
  reader.opening
    .then((open) => open.close())
    .catch(() => {
      // It was never opened, or the store went away: there is nothing left to give back.
    });
}
