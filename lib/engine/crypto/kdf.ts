// Password to user key: scrypt, as restic stores its parameters in each key file (restic, internal/crypto/kdf.go).

import { scrypt } from 'node:crypto';
import { AppError } from '#lib/errors.ts';
import { KEY_BYTES } from './envelope.ts';

export interface KdfParameters {
  N: number;
  r: number;
  p: number;
}

/** What restic chose for a machine like ours: about 0.4 s and 32 MiB, paid once per opening. */
export const DEFAULT_KDF: KdfParameters = { N: 32_768, r: 8, p: 4 };

/** A key file is not trusted: parameters that would take more memory or time than this are refused. */
const MAX_MEMORY = 1 << 30;
const MAX_WORK = 2 ** 27;

export function checkKdf({ N, r, p }: KdfParameters): string | undefined {
  const natural = [N, r, p].every((value) => Number.isSafeInteger(value) && value > 0);
  if (!natural || N < 2 || (N & (N - 1)) !== 0) return 'scrypt parameters that are not possible';
  if (128 * N * r > MAX_MEMORY || N * r * p > MAX_WORK) return 'scrypt parameters that would exhaust this machine';
  return undefined;
}

export function deriveKey(password: string, salt: Uint8Array, { N, r, p }: KdfParameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Node's default limit of 32 MiB refuses even the usual N=32768, r=8.
    scrypt(password, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (cause, key) => {
      if (cause) reject(new AppError('internal', { message: 'scrypt failed.', cause }));
      else resolve(key);
    });
  });
}
