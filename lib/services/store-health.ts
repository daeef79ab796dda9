// Whether a vault's place can be reached from this process, asked now. A share that hangs must not hang the overview: each place
// is asked once at a time, and nobody waits for it longer than a short while.

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

interface Asked {
  at: number;
  busy: boolean;
  answer: Promise<StoreHealth>;
}

/** One question for each place: a call to a share that hangs never ends, and each keeps one of Node's few I/O threads. */
const asked = new Map<string, Asked>();
const MOST_REMEMBERED = 1_000;

export function storeHealth(
  store: StoreConfig,
  now = Date.now(),
  ask: (store: StoreConfig) => Promise<StoreHealth> = askPlace,
): Promise<StoreHealth> {
  let known = asked.get(store.path);
  if (known === undefined || (!known.busy && now - known.at >= REMEMBERED_MS)) {
    if (asked.size >= MOST_REMEMBERED) forgetAnswered();
    known = begin(ask(store), now);
    asked.set(store.path, known);
  }
  return known.busy ? Promise.race([known.answer, tooSlow(store)]) : known.answer;
}

function begin(answer: Promise<StoreHealth>, at: number): Asked {
  const question: Asked = { at, busy: true, answer };
  const ended = (): void => {
    question.busy = false;
  };
  answer.then(ended, ended);
  return question;
}

function forgetAnswered(): void {
  for (const [path, { busy }] of asked) if (!busy) asked.delete(path);
}

async function askPlace(store: StoreConfig): Promise<StoreHealth> {
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
