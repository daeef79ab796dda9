import { hash } from 'node:crypto';
import { AppError, isAppError, throwIfCancelled } from '#lib/errors.ts';
import type { Store } from '#lib/stores/store.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { Envelope } from '../crypto/envelope.ts';
import { decodeConfig } from '../format/config.ts';
import { checkKeyFile, openKeyFile } from '../format/key.ts';
import { CONFIG_NAME, fileName, folderName, idFromName } from '../repository/files.ts';
import { Repository } from '../repository/repository.ts';
import type { KeyId } from '../types.ts';

/** restic tries no more: each costs a scrypt run. */
const MAX_KEYS = 20;
/** Key files that are looked at for those: a folder full of rubbish must not keep the opening busy. */
const MAX_KEY_FILES = 200;

/** A key file has half a kilobyte. */
const MAX_KEY_FILE_BYTES = 64 << 10;

export interface KeyFile {
  id: KeyId;
  size: number;
}

/** Bytes of a key file, compared with its name. Throws 'not-found', or 'repository-damaged'. */
export async function loadKeyFile(store: Store, id: KeyId, size: number, signal?: AbortSignal): Promise<Buffer> {
  if (size > MAX_KEY_FILE_BYTES) {
    throw new AppError('repository-damaged', `The key file ${id} is damaged: it has ${size} bytes, which no key has.`);
  }
  const file = await store.get(fileName('key', id), undefined, { signal });
  if (hash('sha256', file, 'hex') !== id) {
    throw new AppError('repository-damaged', `The key file ${id} is damaged: its content does not match its name.`);
  }
  return file;
}

export interface OpenOptions {
  password: string;
  /** Id of a key, or its first digits: that one is tried first. Where there is no such key it is ignored, as in restic. */
  keyHint?: string;
  cpu?: CpuPool;
  signal?: AbortSignal;
}

/** Throws 'not-a-repository', 'wrong-password', 'unsupported' (a newer format) or 'repository-damaged'. */
export async function openRepository(store: Store, options: OpenOptions): Promise<Repository> {
  const { signal } = options;
  const keys: KeyFile[] = [];
  for await (const { name, size } of store.list(folderName('key'), { signal })) {
    const id = idFromName('key', name);
    if (id) keys.push({ id, size });
  }
  const sealedConfig = await getConfig(store, signal);
  if (!sealedConfig || keys.length === 0) throw await notARepository(store, signal);
  const hint = options.keyHint?.toLowerCase();
  const hinted = (key: KeyFile) => Number(Boolean(hint) && key.id.startsWith(hint as string));
  keys.sort((a, b) => hinted(b) - hinted(a));
  const key = await findKey(store, keys, options);
  const config = new Envelope(key.masterKey).open(sealedConfig);
  if (!config) {
    throw new AppError(
      'repository-damaged',
      'The file "config" of the repository is damaged or belongs to another one.',
    );
  }
  return new Repository(store, decodeConfig(config), key, options.cpu);
}

async function getConfig(store: Store, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
  try {
    return await store.get(CONFIG_NAME, undefined, { signal });
  } catch (error) {
    if (isAppError(error, 'not-found')) return undefined;
    throw error;
  }
}

/**
 * The first key the password opens. A damaged key file does not keep the others from being tried: what a key holds is
 * authenticated, so one that opens is right. Only when none does is the damage told.
 */
async function findKey(
  store: Store,
  keys: readonly KeyFile[],
  { password, signal }: OpenOptions,
): Promise<{ id: KeyId; masterKey: Buffer }> {
  let tried = 0;
  let damage: AppError | undefined;
  for (const { id, size } of keys.slice(0, MAX_KEY_FILES)) {
    throwIfCancelled(signal);
    if (tried === MAX_KEYS) break;
    try {
      const file = await loadKeyFile(store, id, size, signal);
      checkKeyFile(id.slice(0, 8), file);
      tried += 1;
      const masterKey = await openKeyFile(id.slice(0, 8), file, password);
      if (masterKey) return { id, masterKey };
    } catch (error) {
      // Removed since the listing.
      if (isAppError(error, 'not-found')) continue;
      if (!isAppError(error, 'repository-damaged')) throw error;
      damage ??= error;
    }
  }
  if (tried === 0 && damage) throw damage;
  const opens = keys.length === 1 ? 'does not open' : `opens none of the ${keys.length} keys of`;
  const more = keys.length > tried && tried === MAX_KEYS;
  throw new AppError('wrong-password', {
    message: `The password ${opens} the repository at ${store.location}.${damage ? ` ${damage.message}` : ''}`,
    hint: more
      ? `Only ${MAX_KEYS} keys are tried: name the right one with --key-hint, and remove keys that are no longer needed.`
      : 'Check for typing errors; a recovery kit has the password that Holdfast made.',
    cause: damage,
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
