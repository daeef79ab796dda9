// Key files: plain JSON that holds the master key in an envelope under the password (restic, internal/repository/key.go).

import { randomBytes } from 'node:crypto';
import { AppError } from '#lib/errors.ts';
import { Envelope, KEY_BYTES } from '../crypto/envelope.ts';
import { checkKdf, deriveKey, type KdfParameters } from '../crypto/kdf.ts';

/** restic writes and accepts no other length. */
const SALT_BYTES = 64;

export interface KeyOwner {
  hostname: string;
  username: string;
  created: string;
}

/** The form in which restic shows and stores the master key. */
export function masterKeyJson(masterKey: Uint8Array): { mac: { k: string; r: string }; encrypt: string } {
  const base64 = (from: number, to: number) => Buffer.from(masterKey.subarray(from, to)).toString('base64');
  return { mac: { k: base64(32, 48), r: base64(48, 64) }, encrypt: base64(0, 32) };
}

/** Master key as 64 raw bytes in Envelope's order. */
export async function encodeKeyFile(
  masterKey: Uint8Array,
  password: string,
  kdf: KdfParameters,
  owner: KeyOwner,
): Promise<Buffer> {
  const salt = randomBytes(SALT_BYTES);
  const userKey = await deriveKey(password, salt, kdf);
  const master = masterKeyJson(masterKey);
  const file = {
    created: owner.created,
    username: owner.username,
    hostname: owner.hostname,
    kdf: 'scrypt',
    N: kdf.N,
    r: kdf.r,
    p: kdf.p,
    salt: salt.toString('base64'),
    data: new Envelope(userKey).seal(Buffer.from(JSON.stringify(master))).toString('base64'),
  };
  return Buffer.from(JSON.stringify(file));
}

interface RawKeyFile {
  owner: KeyOwner;
  kdf: KdfParameters;
  salt: Buffer;
  data: Buffer;
}

function badKey(name: string, what: string, cause?: unknown): AppError {
  return new AppError('repository-damaged', { message: `The key file "${name}" of the repository ${what}.`, cause });
}

/** Judges everything a key file says before a password, memory or time is spent on it. Throws 'repository-damaged'. */
export function checkKeyFile(name: string, file: Uint8Array): RawKeyFile {
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(Buffer.from(file).toString('utf8'));
  } catch (cause) {
    throw badKey(name, 'is not JSON', cause);
  }
  if (raw?.kdf !== 'scrypt') throw badKey(name, `has an unknown key derivation: ${JSON.stringify(raw?.kdf)}`);
  const kdf = { N: raw.N, r: raw.r, p: raw.p } as KdfParameters;
  const problem = checkKdf(kdf);
  if (problem) throw badKey(name, `has ${problem}`);
  if (typeof raw.salt !== 'string' || typeof raw.data !== 'string') throw badKey(name, 'has no salt or no data');
  const salt = Buffer.from(raw.salt, 'base64');
  if (salt.length !== SALT_BYTES) throw badKey(name, `has a salt of ${salt.length} bytes instead of ${SALT_BYTES}`);
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const owner = { hostname: text(raw.hostname), username: text(raw.username), created: text(raw.created) };
  return { owner, kdf, salt, data: Buffer.from(raw.data, 'base64') };
}

/** The master key, or undefined when the password does not open this file. Throws 'repository-damaged' for a file that no password opens. */
export async function openKeyFile(name: string, file: Uint8Array, password: string): Promise<Buffer | undefined> {
  const { kdf, salt, data } = checkKeyFile(name, file);
  const userKey = await deriveKey(password, salt, kdf);
  const plain = new Envelope(userKey).open(data);
  if (!plain) return undefined;
  let master: { mac?: { k?: string; r?: string }; encrypt?: string };
  try {
    master = JSON.parse(plain.toString('utf8'));
  } catch (cause) {
    throw badKey(name, 'holds a master key that is not JSON', cause);
  }
  const parts = [master?.encrypt, master?.mac?.k, master?.mac?.r].map((part) => Buffer.from(String(part), 'base64'));
  const key = Buffer.concat(parts);
  if (key.length !== KEY_BYTES || parts[0]?.length !== 32 || parts[1]?.length !== 16) {
    throw badKey(name, 'holds a master key of the wrong length');
  }
  return key;
}

export function newMasterKey(): Buffer {
  return randomBytes(KEY_BYTES);
}
