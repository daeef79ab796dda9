// Envelope encryption of credentials in rows. Each value has its own random data key; the data key is wrapped by a key
// derived from the master key. Both layers are AES-256-GCM bound to the row and field they belong to, so a value copied
// to another row does not open there. A new master key needs only the wrapping done again, not the values.
//
// hf1.<master key id>.<wrapped data key>.<sealed value>      each part nonce ‖ ciphertext ‖ tag in base64url

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '#lib/errors.ts';
import type { MasterKey } from './master-key.ts';

const FORMAT = 'hf1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DATA_KEY_BYTES = 32;
const WRAPPING = 'seal/v1';

/** Where a sealed value lives. It opens only there. */
export interface SealedPlace {
  table: 'vault';
  id: string;
  field: string;
}

export function sealSecret(master: MasterKey, secret: string, place: SealedPlace): string {
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const wrapped = encrypt(master.derive(WRAPPING), dataKey, `key:${bound(master.id, place)}`);
  const sealed = encrypt(dataKey, Buffer.from(secret, 'utf8'), `value:${bound(master.id, place)}`);
  dataKey.fill(0);
  return [FORMAT, master.id, wrapped.toString('base64url'), sealed.toString('base64url')].join('.');
}

/** Errors: `internal`, with the reason (another master key, another row, damaged). Never carries the value. */
export function unsealSecret(master: MasterKey, text: string, place: SealedPlace): string {
  const [format, keyId, wrapped, sealed, ...rest] = text.split('.');
  const where = `${place.field} of ${place.table} ${place.id}`;
  if (format !== FORMAT || keyId === undefined || wrapped === undefined || sealed === undefined || rest.length > 0) {
    throw new AppError('internal', {
      message: `The sealed ${where} is not in a format this version knows.`,
      hint: 'It was written by a newer Holdfast, or the row was changed by hand.',
    });
  }
  if (keyId !== master.id) {
    throw new AppError('internal', {
      message: `The sealed ${where} belongs to the master key ${keyId}, but this process has the key ${master.id}.`,
      hint: 'Put back the master.key that belongs to this database (or the right HOLDFAST_MASTER_KEY) and start again.',
    });
  }
  try {
    const dataKey = decrypt(master.derive(WRAPPING), wrapped, `key:${bound(keyId, place)}`);
    return decrypt(dataKey, sealed, `value:${bound(keyId, place)}`).toString('utf8');
  } catch (cause) {
    throw new AppError('internal', {
      message: `The sealed ${where} does not open: it was damaged or belongs to another row.`,
      hint: 'Restore the row from a backup of the database. The recovery kit of the vault still opens its repository.',
      cause,
    });
  }
}

/** Unambiguous: JSON quotes what a separator could not. */
function bound(keyId: string, place: SealedPlace): string {
  return JSON.stringify([FORMAT, keyId, place.table, place.id, place.field]);
}

function encrypt(key: Buffer, plain: Buffer, purpose: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(purpose, 'utf8'));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, text: string, purpose: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(purpose, 'utf8'));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()]);
}
