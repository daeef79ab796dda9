// What a start does to the database before web and worker: migrations and the set-up token. A process of its own, because the
// database client it needs would otherwise stay in the supervisor's memory for as long as that runs.

import { databaseUrl } from '../config.ts';
import { migrate } from '../db/migrate.ts';
import { isAppError } from '../errors.ts';

export type Prepared =
  | { type: 'prepared'; migrations: string[]; setupToken: string | null }
  | { type: 'failed'; message: string; hint: string | undefined; stack: string | undefined };

async function prepare(): Promise<Prepared> {
  const migrations = await migrate(databaseUrl());
  const { ensureSetupToken } = await import('../services/setup.ts');
  return { type: 'prepared', migrations, setupToken: await ensureSetupToken() };
}

const answer = await prepare().catch((error: unknown): Prepared => {
  const expected = isAppError(error);
  return {
    type: 'failed',
    message: error instanceof Error ? error.message : String(error),
    hint: expected ? error.hint : undefined,
    stack: expected || !(error instanceof Error) ? undefined : error.stack,
  };
});
process.send?.(answer, () => process.exit(answer.type === 'prepared' ? 0 : 1));
