// Databases for tests, on the real server that testing/global-setup.ts started.

import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { forgetConfig } from '../lib/config.ts';
import { disconnectDb } from '../lib/db/client.ts';

export const TEMPLATE = 'holdfast_template';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A fresh database: migrated, or with `{ empty: true }` without any table. Whoever made it drops it. */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(
    options.empty === true
      ? `CREATE DATABASE ${name}`
      : `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} STRATEGY wal_log`,
  );
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(`DROP DATABASE ${name} WITH (FORCE)`) };
}

/**
 * For the top of a test file: before its tests, db() and config().databaseUrl of this process lead to a fresh migrated
 * database; after them it is dropped. Returns a handle whose url is filled in once the tests run.
 */
export function useTestDatabase(): { readonly url: string } {
  const handle = { url: '' };
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
    handle.url = database.url;
    process.env.DATABASE_URL = database.url;
    forgetConfig();
  });
  afterAll(async () => {
    await disconnectDb();
    delete process.env.DATABASE_URL;
    forgetConfig();
    await database?.drop();
  });
  return handle;
}

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
