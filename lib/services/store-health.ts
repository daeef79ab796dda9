// Whether a vault's place can be reached from this process, asked now. A share that hangs must not hang the overview: each place
// is asked once at a time and for a short while.

import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreConfig } from '#lib/contracts/vaults.ts';

const PATIENCE_MS = 1_500;
/** Several screens ask within the same moment. */
const REMEMBERED_MS = 3_000;

export interface StoreHealth {
  freeBytes: number | null;
  /** A sentence, or null when all is well. */
  unreachable: string | null;
}

const asked = new Map<string, { at: number; answer: Promise<StoreHealth> }>();

export function storeHealth(store: StoreConfig, now = Date.now()): Promise<StoreHealth> {
  const known = asked.get(store.path);
  if (known && now - known.at < REMEMBERED_MS) return known.answer;
  const answer = Promise.race([ask(store), tooSlow(store)]);
  asked.set(store.path, { at: now, answer });
  if (asked.size > 1000) asked.clear();
  return answer;
}

async function ask(store: StoreConfig): Promise<StoreHealth> {
  try {
    const space = await statfs(store.path);
    await stat(join(store.path, 'config'));
    return { freeBytes: space.bavail * space.bsize, unreachable: null };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT'
        ? `At ${store.path} there is no repository now. Is its disk or share mounted?`
        : code === 'EACCES'
          ? `${store.path} may not be read by the user who runs Holdfast.`
          : `${store.path} cannot be read: ${(error as Error).message}`;
    return { freeBytes: null, unreachable: reason };
  }
}

function tooSlow(store: StoreConfig): Promise<StoreHealth> {
  return new Promise((resolve) => {
    setTimeout(() => resolve({ freeBytes: null, unreachable: `${store.path} does not answer.` }), PATIENCE_MS).unref();
  });
}
