// One process per worker id: it may then call every run of that id that is not its own an orphan, without waiting for a lease.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#lib/errors.ts';

/** The process before this one may still be stopping. */
const PATIENCE_MS = 5_000;
const TRY_EVERY_MS = 100;

/**
 * Holds the kernel's lock on a file of the data folder until the process ends, however it ends. SQLite takes it, because Node alone
 * cannot. Error: `conflict` when another worker runs on this data folder.
 */
export async function lockWorker(dataDir: string): Promise<{ release(): void }> {
  const path = join(dataDir, 'worker.lock');
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const file = new DatabaseSync(path);
    try {
      // Nothing is written: the empty file only carries the lock.
      file.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return { release: () => file.close() };
    } catch (cause) {
      file.close();
      if (!(cause instanceof Error && cause.message.includes('locked'))) throw cause;
      if (performance.now() > deadline) {
        throw new AppError('conflict', {
          message: `Another worker runs on the data folder ${dataDir}.`,
          hint: 'Stop it, or give this one a folder of its own with HOLDFAST_DATA_DIR; it is then another worker.',
          cause,
        });
      }
      await sleep(TRY_EVERY_MS);
    }
  }
}
