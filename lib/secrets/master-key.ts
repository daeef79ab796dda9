// The one key from which all others come: 32 bytes in <data>/master.key, or given by the environment. It never touches the
// database, so a dump of the database opens nothing.
// Rules: the file is made once, whole, mode 0600, and never overwritten; a file that others can read stops the start.

import { createHash, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#lib/errors.ts';

const KEY_BYTES = 32;
const FILE_NAME = 'master.key';
/** Enough to tell keys apart, too little to learn anything about one. */
const KEY_ID_CHARACTERS = 16;

export interface MasterKey {
  /** Names the key in sealed values; says nothing about it. */
  readonly id: string;
  /** A 32-byte key for one purpose; knowing it tells nothing about the others. */
  derive(purpose: string): Buffer;
}

export function masterKeyFrom(bytes: Buffer): MasterKey {
  if (bytes.length !== KEY_BYTES)
    throw new AppError('internal', `A master key has ${KEY_BYTES} bytes, not ${bytes.length}.`);
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', bytes, Buffer.alloc(0), `holdfast/${purpose}`, KEY_BYTES));
  const id = createHash('sha256').update(derive('key-id')).digest('hex').slice(0, KEY_ID_CHARACTERS);
  return { id, derive };
}

/** Reads the key, and makes it when there is none. Two processes may call it at once: both get the same key. */
export async function loadMasterKey(options: { dataDir: string; given?: Buffer | undefined }): Promise<MasterKey> {
  if (options.given !== undefined) return masterKeyFrom(options.given);
  const path = join(options.dataDir, FILE_NAME);
  const existing = await readKeyFile(path);
  if (existing !== undefined) return masterKeyFrom(existing);
  await createKeyFile(path, options.dataDir);
  const made = await readKeyFile(path);
  if (made === undefined) throw new AppError('internal', `The master key ${path} vanished right after it was made.`);
  return masterKeyFrom(made);
}

async function readKeyFile(path: string): Promise<Buffer | undefined> {
  let mode: number;
  let text: string;
  try {
    mode = (await stat(path)).mode;
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AppError('permission-denied', {
      message: `The master key ${path} cannot be read: ${(error as Error).message}`,
      hint: 'Start Holdfast as the user who owns it.',
      cause: error,
    });
  }
  if ((mode & 0o077) !== 0) {
    throw new AppError('permission-denied', {
      message: `The master key ${path} can be read by other users (mode ${(mode & 0o777).toString(8).padStart(4, '0')}).`,
      hint: `Run "chmod 600 ${path}". If others had access to this machine, treat the vault passwords as known.`,
    });
  }
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== KEY_BYTES) {
    throw new AppError('internal', {
      message: `The master key ${path} is damaged: it holds ${bytes.length} bytes instead of ${KEY_BYTES}.`,
      hint: 'Put the file back from a copy. Without it the vault passwords stored here are lost; the recovery kits still open the vaults.',
    });
  }
  return bytes;
}

/** A link is made only when the name is free: whoever comes second uses the key of the first. */
async function createKeyFile(path: string, dataDir: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await mkdir(dataDir, { recursive: true });
    const file = await open(/* turbopackIgnore: true */ temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // The umask can only take bits away, so this never widens; it repairs a umask that took ours.
    await chmod(temporary, 0o600);
    await link(temporary, path);
    const folder = await open(dataDir, 'r');
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new AppError('permission-denied', {
      message: `The master key ${path} cannot be written: ${(error as Error).message}`,
      hint: 'Make the data folder writable for this user, or name another one with HOLDFAST_DATA_DIR.',
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}
