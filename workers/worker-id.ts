// The id of this host's worker, kept in its data folder: sources belong to a host, whatever process serves it today.

import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '#lib/errors.ts';

const FILE = 'worker-id';

/** Reads the id, or makes one. Two processes that start at once agree on one id. */
export async function workerId(dataDir: string): Promise<string> {
  const path = join(dataDir, FILE);
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    return (await readId(path)) ?? (await makeId(path));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('permission-denied', {
      message: `The worker cannot keep its id in ${path}: ${(error as Error).message}`,
      hint: 'Make the data folder writable for the account of the worker, or set HOLDFAST_DATA_DIR.',
      cause: error,
    });
  }
}

async function readId(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const id = z.uuid().safeParse(text);
  if (!id.success) {
    throw new AppError('conflict', {
      message: `The file ${path} does not hold a worker id.`,
      hint: 'Put the right one back (the page of workers shows it in the address of each), or remove the file to register as a new worker.',
    });
  }
  return id.data;
}

/** A file appears under its name only whole, and only once: link() refuses an existing name. */
async function makeId(path: string): Promise<string> {
  const id = randomUUID();
  const draft = `${path}.${id}.tmp`;
  await writeFile(draft, `${id}\n`, { mode: 0o644 });
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const kept = await readId(path);
  if (!kept) throw new Error('the id file vanished');
  return kept;
}
