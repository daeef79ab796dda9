import { hash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { AppError } from '#lib/errors.ts';
import type { Store } from '#lib/stores/store.ts';
import { randomPolynomial } from '../chunker/polynomial.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { Envelope } from '../crypto/envelope.ts';
import { DEFAULT_KDF, type KdfParameters } from '../crypto/kdf.ts';
import { encodeConfig } from '../format/config.ts';
import { encodeKeyFile, newMasterKey } from '../format/key.ts';
import { formatDate } from '../format/time.ts';
import { CONFIG_NAME, fileName } from '../repository/files.ts';
import { processOwner } from '../repository/process-owner.ts';
import { Repository } from '../repository/repository.ts';
import type { KeyId } from '../types.ts';
import { whatIsThere } from './open.ts';

export interface InitOptions {
  password: string;
  kdf?: KdfParameters;
  /** Makes chunks line up with another repository's, so that copies deduplicate. Default: a random one. */
  chunkerPolynomial?: bigint;
  cpu?: CpuPool;
  signal?: AbortSignal;
}

/**
 * Makes a repository of format version 2. Throws 'repository-exists' when any part of one is there, snapshots without a
 * config included: a lifecycle rule may have deleted the oldest files of a repository that is still worth rescuing.
 */
export async function initRepository(store: Store, options: InitOptions): Promise<Repository> {
  const { signal } = options;
  if (options.password === '') throw new AppError('invalid-input', 'The password of a repository must not be empty.');
  await store.prepare({ signal });
  const there = await whatIsThere(store, signal);
  if (there.length > 0) {
    throw new AppError('repository-exists', {
      message: `${store.location} already holds ${there.join(', ')} of a repository; nothing was changed.`,
      hint: 'Open it with its password, or choose an empty place.',
    });
  }
  const masterKey = newMasterKey();
  const config = {
    version: 2,
    id: randomBytes(32).toString('hex'),
    chunkerPolynomial: options.chunkerPolynomial ?? randomPolynomial(),
  };
  const keyFile = await encodeKeyFile(masterKey, options.password, options.kdf ?? DEFAULT_KDF, {
    hostname: hostname(),
    username: processOwner().username,
    created: formatDate(new Date()),
  });
  // Key first: a config without a key could never be opened, a key without a config is refused with a clear message.
  const keyId = hash('sha256', keyFile, 'hex') as KeyId;
  await store.put(fileName('key', keyId), [keyFile], { signal });
  await store.put(CONFIG_NAME, [new Envelope(masterKey).seal(encodeConfig(config))], { signal });
  return new Repository(store, config, { id: keyId, masterKey }, options.cpu);
}
