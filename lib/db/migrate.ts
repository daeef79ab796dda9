// Applies prisma/migrations at the start, without Prisma's native engine (a download that many networks forbid). It keeps
// the books exactly as `prisma migrate deploy` does: same table, same checksums, same advisory lock, so that either may be used.
// Rules: an applied file never changes; each file is applied whole or not at all; a database that is newer than this checkout,
// or belongs to something else, is refused untouched.

import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { AppError } from '../errors.ts';

/** The key of `pg_advisory_lock` in Prisma's schema engine: whoever migrates first, with either tool, the other waits. */
const PRISMA_MIGRATE_LOCK = 72_707_369;
/** server_version_num of the oldest PostgreSQL that is still maintained upstream. */
const OLDEST_SERVER = 140_000;

/** As Prisma's schema engine creates it. */
const BOOKS = `CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

interface Entry {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
}

/**
 * Applies what is pending, oldest first, and returns the names of what it applied. Safe to call from several processes at once.
 * Errors: `unavailable` (no connection), `unsupported` (server too old, database newer), `conflict` (someone else's database,
 * a changed or half-applied migration), `internal` (a migration failed; the database is as before it).
 */
export async function migrate(url: string, folder: string = MIGRATIONS_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = new Client({ connectionString: url, application_name: 'holdfast-migrate' });
  // A connection that breaks while idle is reported here and not thrown; the next query fails with the reason.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw new AppError('unavailable', {
      message: `The database on ${placeOf(url)} does not answer: ${error instanceof Error ? error.message || error.name : error}`,
      hint: 'Check that the server runs and that DATABASE_URL has the right host, port, user, password and database.',
      retryable: true,
      cause: error,
    });
  }
  try {
    await requireServer(client, url);
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_MIGRATE_LOCK]);
    const entries = await readBooks(client, url);
    const applied: string[] = [];
    for (const migration of pending(migrations, entries)) {
      await apply(client, migration);
      applied.push(migration.name);
    }
    return applied;
  } finally {
    // Ending the session releases the lock.
    await client.end();
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const bytes = await readFile(join(folder, name, 'migration.sql'));
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
}

async function requireServer(client: Client, url: string): Promise<void> {
  const { rows } = await client.query<{ number: string; text: string }>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS text`,
  );
  if (Number(rows[0]?.number) >= OLDEST_SERVER) return;
  throw new AppError('unsupported', {
    message: `PostgreSQL on ${placeOf(url)} is version ${rows[0]?.text}; Holdfast needs 14 or newer.`,
    hint: 'Upgrade the server, or unset DATABASE_URL to use the private one.',
  });
}

/** The migrations the database knows, but for those rolled back; makes the table in an empty database. */
async function readBooks(client: Client, url: string): Promise<Entry[]> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()`,
  );
  if (!tables.some((table) => table.name === '_prisma_migrations')) {
    if (tables.length > 0) {
      throw new AppError('conflict', {
        message: `The database on ${placeOf(url)} holds tables that are not Holdfast's (${tables[0]?.name}, …).`,
        hint: 'Create an empty database for Holdfast and put it into DATABASE_URL.',
      });
    }
    await client.query(BOOKS);
    return [];
  }
  const { rows } = await client.query<Entry>(
    `SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

function pending(migrations: Migration[], entries: Entry[]): Migration[] {
  const byName = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const entry of entries) {
    if (entry.finished_at === null) {
      throw new AppError('conflict', {
        message: `The database change "${entry.migration_name}" was begun by another tool and not finished.`,
        hint: 'Repair it by hand, then tell Prisma with "prisma migrate resolve"; or restore the database from a backup.',
      });
    }
    const known = byName.get(entry.migration_name);
    if (known === undefined) {
      throw new AppError('unsupported', {
        message: `The database is newer than this Holdfast: it has the change "${entry.migration_name}".`,
        hint: 'Start the newer version again, or restore the database from before the upgrade.',
      });
    }
    if (known.checksum !== entry.checksum) {
      throw new AppError('conflict', {
        message: `The file of the database change "${entry.migration_name}" was edited after it had been applied.`,
        hint: `Put prisma/migrations/${entry.migration_name} back as it was released.`,
      });
    }
  }
  const done = new Set(entries.map((entry) => entry.migration_name));
  return migrations.filter((migration) => !done.has(migration.name));
}

async function apply(client: Client, migration: Migration): Promise<void> {
  const startedAt = new Date();
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, $4, clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name, startedAt],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      // The connection is gone, and with it the transaction.
    });
    throw new AppError('internal', {
      message: `The database change "${migration.name}" failed: ${error instanceof Error ? error.message : error}`,
      hint: 'Nothing of it was kept. Report it with this message.',
      cause: error,
    });
  }
}

/** Host and database of an address, never its password. */
function placeOf(url: string): string {
  const parsed = new URL(url);
  return `${parsed.host || parsed.searchParams.get('host') || 'localhost'}${parsed.pathname}`;
}
