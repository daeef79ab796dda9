import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '#testing/database.ts';
import { schemaDifference, withSchemaEngine } from '#testing/schema-engine.ts';
import { MIGRATIONS_FOLDER, migrate } from './migrate.ts';

const SCHEMA = join(MIGRATIONS_FOLDER, '..', 'schema.prisma');
const databases: TestDatabase[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-migrate-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  for (const database of databases) await database.drop();
});

async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase({ empty: true });
  databases.push(database);
  return database.url;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Migrations of the checkout and one more. */
async function oneMore(name: string, sql: string): Promise<string> {
  const copy = join(folder, name);
  await cp(MIGRATIONS_FOLDER, copy, { recursive: true });
  await mkdir(join(copy, `99990101000000_${name}`));
  await writeFile(join(copy, `99990101000000_${name}`, 'migration.sql'), sql);
  return copy;
}

/** What `prisma migrate` hands its engine. */
async function migrationsList() {
  const names = (await readdir(MIGRATIONS_FOLDER, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  return {
    baseDir: MIGRATIONS_FOLDER,
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(join(MIGRATIONS_FOLDER, 'migration_lock.toml'), 'utf8'),
    },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.map(async ({ name }) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: {
            tag: 'ok' as const,
            value: await readFile(join(MIGRATIONS_FOLDER, name, 'migration.sql'), 'utf8'),
          },
        },
      })),
    ),
  };
}

const FILTERS = { externalTables: [], externalEnums: [] };

test('migrates an empty database, and then has nothing left to do', async () => {
  const url = await emptyDatabase();
  expect((await migrate(url)).length).toBeGreaterThan(0);
  expect(await migrate(url)).toEqual([]);
});

test("Prisma's own engine finds the database in order and has nothing to deploy", async () => {
  const url = await emptyDatabase();
  await migrate(url);
  const migrations = await migrationsList();
  await withSchemaEngine(await readFile(SCHEMA, 'utf8'), url, async (engine) => {
    const diagnosis = await engine.diagnoseMigrationHistory({
      migrationsList: migrations,
      optInToShadowDatabase: false,
      filters: FILTERS,
    });
    expect(diagnosis).toEqual({
      editedMigrationNames: [],
      failedMigrationNames: [],
      hasMigrationsTable: true,
      history: null,
    });
    const deployed = await engine.applyMigrations({ migrationsList: migrations, filters: FILTERS });
    expect(deployed).toEqual({ appliedMigrationNames: [] });
  });
});

test("what Prisma's own engine deployed counts as applied", async () => {
  const url = await emptyDatabase();
  const migrations = await migrationsList();
  const { appliedMigrationNames } = await withSchemaEngine(await readFile(SCHEMA, 'utf8'), url, (engine) =>
    engine.applyMigrations({ migrationsList: migrations, filters: FILTERS }),
  );
  expect(appliedMigrationNames.length).toBeGreaterThan(0);
  expect(await migrate(url)).toEqual([]);
});

test('the schema has no change that lacks a migration', async () => {
  const snapshot = await readFile(join(MIGRATIONS_FOLDER, 'schema.snapshot'), 'utf8');
  const url = await emptyDatabase();
  expect(await schemaDifference(snapshot, await readFile(SCHEMA, 'utf8'), url)).toBe('');
});

test('a change that fails leaves the database as before it and can be tried again', async () => {
  const url = await emptyDatabase();
  const broken = await oneMore('broken', 'CREATE TABLE half (); SELECT 1 / 0;');
  await expect(migrate(url, broken)).rejects.toThrow('"99990101000000_broken" failed: division by zero');
  expect(await query(url, `SELECT to_regclass('half') AS half`)).toEqual([{ half: null }]);
  await writeFile(join(broken, '99990101000000_broken', 'migration.sql'), 'CREATE TABLE half ();');
  expect(await migrate(url, broken)).toEqual(['99990101000000_broken']);
});

test('two processes that migrate at once apply each change once', async () => {
  const url = await emptyDatabase();
  const applied = (await Promise.all([migrate(url), migrate(url), migrate(url)])).flat();
  expect(applied.length).toBe(new Set(applied).size);
  expect(applied.length).toBeGreaterThan(0);
});

test('a database newer than this checkout is refused', async () => {
  const url = await emptyDatabase();
  await migrate(url, await oneMore('newer', 'CREATE TABLE newer ();'));
  await expect(migrate(url)).rejects.toThrow('newer than this Holdfast');
});

test('a migration edited after it was applied is refused', async () => {
  const url = await emptyDatabase();
  const edited = await oneMore('edited', 'CREATE TABLE a ();');
  await migrate(url, edited);
  await writeFile(join(edited, '99990101000000_edited', 'migration.sql'), 'CREATE TABLE b ();');
  await expect(migrate(url, edited)).rejects.toThrow('edited after it had been applied');
});

test('a database of something else is refused untouched', async () => {
  const url = await emptyDatabase();
  await query(url, 'CREATE TABLE invoices ()');
  await expect(migrate(url)).rejects.toThrow("tables that are not Holdfast's (invoices");
  expect(await query(url, `SELECT to_regclass('_prisma_migrations') AS books`)).toEqual([{ books: null }]);
});

test('an address where nothing listens is named without its password', async () => {
  const error = await migrate('postgresql://someone:hush@127.0.0.1:1/holdfast').catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ code: 'unavailable', retryable: true });
  expect(String(error)).toContain('127.0.0.1:1/holdfast');
  expect(String(error)).not.toContain('hush');
});
