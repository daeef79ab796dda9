import { hash } from 'node:crypto';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import type { Store } from '#lib/stores/store.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { Envelope } from '../crypto/envelope.ts';
import { decodeConfig } from '../format/config.ts';
import { openKeyFile } from '../format/key.ts';
import { CONFIG_NAME, fileName, folderName, idFromName } from '../repository/files.ts';
import { Repository } from '../repository/repository.ts';

/** restic tries no more: each costs a scrypt run. */
const MAX_KEYS = 20;

export interface OpenOptions {
  password: string;
  cpu?: CpuPool;
  signal?: AbortSignal;
}

/** Throws 'not-a-repository', 'wrong-password', 'unsupported' (a newer format) or 'repository-damaged'. */
export async function openRepository(store: Store, options: OpenOptions): Promise<Repository> {
  const { signal } = options;
  const keys: string[] = [];
  for await (const { name } of store.list(folderName('key'), { signal })) {
    const id = idFromName('key', name);
    if (id) keys.push(id);
  }
  const sealedConfig = await getConfig(store, signal);
  if (!sealedConfig || keys.length === 0) throw await notARepository(store, signal);
  const masterKey = await findMasterKey(store, keys, options);
  const config = new Envelope(masterKey).open(sealedConfig);
  if (!config) {
    throw new AppError(
      'repository-damaged',
      'The file "config" of the repository is damaged or belongs to another one.',
    );
  }
  return new Repository(store, decodeConfig(config), masterKey, options.cpu);
}

async function getConfig(store: Store, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
  try {
    return await store.get(CONFIG_NAME, undefined, { signal });
  } catch (error) {
    if (isAppError(error, 'not-found')) return undefined;
    throw error;
  }
}

async function findMasterKey(store: Store, keys: readonly string[], options: OpenOptions): Promise<Buffer> {
  for (const id of keys.slice(0, MAX_KEYS)) {
    throwIfCancelled(options.signal);
    const file = await store.get(fileName('key', id), undefined, { signal: options.signal });
    if (hash('sha256', file, 'hex') !== id) {
      throw new AppError('repository-damaged', `The key file ${id} is damaged: its content does not match its name.`);
    }
    const key = await openKeyFile(id.slice(0, 8), file, options.password);
    if (key) return key;
  }
  const count = keys.length === 1 ? 'its key' : `any of its ${keys.length} keys`;
  throw new AppError('wrong-password', {
    message: `The password does not open ${count} of the repository at ${store.location}.`,
    hint:
      keys.length > MAX_KEYS ? `Only ${MAX_KEYS} keys are tried; remove keys that are no longer needed.` : undefined,
  });
}

async function notARepository(store: Store, signal: AbortSignal | undefined): Promise<AppError> {
  const there = await whatIsThere(store, signal);
  if (there.length === 0) {
    return new AppError('not-a-repository', {
      message: `There is no repository at ${store.location}.`,
      hint: 'Check the location, or initialise a new repository there.',
    });
  }
  const missing = there.includes('the config') ? 'the keys are missing' : 'the file "config" is missing';
  return new AppError('not-a-repository', {
    message: `There is only half a repository at ${store.location}: it holds ${there.join(', ')}, but ${missing}.`,
    hint: 'Restore the missing files from a copy of the repository. Nothing was changed.',
  });
}

/** Which parts of a repository a store holds, in words. Packs alone count: they may be all that is left of one. */
export async function whatIsThere(store: Store, signal?: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  if (await getConfig(store, signal)) found.push('the config');
  for (const [kind, noun] of [
    ['key', 'key'],
    ['snapshot', 'snapshot'],
    ['index', 'index file'],
    ['pack', 'pack'],
  ] as const) {
    let count = 0;
    for await (const { name } of store.list(folderName(kind), { signal })) {
      if (idFromName(kind, name)) count += 1;
    }
    if (count > 0) found.push(`${count} ${noun}${count === 1 ? '' : 's'}`);
  }
  return found;
}
