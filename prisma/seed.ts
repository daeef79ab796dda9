// Fills a database with an installation of some size, for looking at screens and for the benchmark. Rows only: there are no
// repositories behind the vaults it names.
//   node prisma/seed.ts      DATABASE_URL names the database, which must be migrated and without runs

import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { databaseUrl } from '../lib/config.ts';

export interface SeedSize {
  runs: number;
  recoveryPoints: number;
  sources: number;
  vaults: number;
}

/** What the figures of the API are promised for. */
export const DEFAULT_SIZE: SeedSize = { runs: 100_000, recoveryPoints: 10_000, sources: 40, vaults: 4 };

/** Spread evenly over the year before now: one run in 50 failed, one in 30 with a warning, one in 200 a check. */
const STATEMENTS: { sql: string; values: (size: SeedSize) => number[] }[] = [
  {
    sql: `INSERT INTO worker (id, name, hostname, platform, version, pid, concurrency, "startedAt", "lastSeenAt")
      SELECT gen_random_uuid(), 'worker ' || n, 'host' || n, 'linux x64', '0.1.0', n, 2, now() - interval '1 day', now()
      FROM generate_series(1, 5) n`,
    values: () => [],
  },
  {
    sql: `INSERT INTO vault (id, name, store, "repositoryId", "sealedPassword", "updatedAt", "storedBytes", "uniqueBytes",
        "logicalBytes", "measuredAt")
      SELECT gen_random_uuid(), 'vault ' || n, jsonb_build_object('kind', 'local', 'path', '/srv/seed-' || n),
        encode(sha256(n::text::bytea), 'hex'), 'seed', now(), 400000000000, 700000000000, 9000000000000, now()
      FROM generate_series(1, $1::int) n`,
    values: (size) => [size.vaults],
  },
  {
    sql: `INSERT INTO vault_sample ("vaultId", at, "storedBytes", "uniqueBytes", "logicalBytes", "recoveryPoints")
      SELECT v.id, now() - n * interval '6 hours', 400000000000 - n * 100000000::bigint, 700000000000 - n * 150000000::bigint,
        9000000000000 - n * 2000000000::bigint, GREATEST(0, 2500 - n) FROM vault v, generate_series(0, 1400) n`,
    values: () => [],
  },
  {
    sql: `INSERT INTO source (id, name, kind, config, "workerId", "updatedAt")
      SELECT gen_random_uuid(), 'source ' || lpad(n::text, 3, '0'), 'directory',
        jsonb_build_object('kind', 'directory', 'path', '/data/' || n, 'excludes', '[]'::jsonb),
        (SELECT id FROM worker ORDER BY name OFFSET n % 5 LIMIT 1), now()
      FROM generate_series(1, $1::int) n`,
    values: (size) => [size.sources],
  },
  {
    sql: `WITH s AS (SELECT id, row_number() OVER (ORDER BY name) - 1 AS place FROM source),
        v AS (SELECT id, row_number() OVER (ORDER BY name) - 1 AS place FROM vault),
        planned AS (
          SELECT n, n % 200 = 7 AS checks, now() - ($1::int - n) * (interval '365 days' / $1::int) AS at,
            CASE WHEN n % 50 = 3 THEN 'failed' WHEN n % 30 = 4 THEN 'warning' ELSE 'succeeded' END AS outcome
          FROM generate_series(1, $1::int) n)
      INSERT INTO run (id, kind, state, outcome, input, version, result, error, "sourceId", "vaultId", "requestedBy", attempt,
        "queuedAt", "startedAt", "finishedAt")
      SELECT gen_random_uuid(), CASE WHEN checks THEN 'check' ELSE 'backup' END, 'finished', outcome,
        CASE WHEN checks THEN jsonb_build_object('kind', 'check', 'vaultId', v.id, 'readData', false)
          ELSE jsonb_build_object('kind', 'backup', 'sourceId', s.id, 'vaultId', v.id) END,
        12,
        CASE WHEN outcome = 'failed' THEN NULL
          WHEN checks THEN '{"kind":"check","ok":true,"packs":100,"blobs":1000,"snapshots":50,"bytesRead":1,"findings":[]}'::jsonb
          ELSE jsonb_build_object('kind', 'backup', 'recoveryPointId', gen_random_uuid(), 'snapshotId',
            encode(sha256(n::text::bytea), 'hex'), 'parentSnapshotId', NULL, 'files', 5000, 'filesNew', 10, 'filesChanged', 5,
            'filesUnmodified', 4985, 'bytes', 900000000, 'addedBytes', 5000000, 'storedBytes', 3000000, 'problemCount', 0,
            'problems', '[]'::jsonb, 'warnings', '[]'::jsonb) END,
        CASE WHEN outcome = 'failed' THEN '{"code":"unavailable","message":"The vault could not be reached."}'::jsonb END,
        CASE WHEN checks THEN NULL ELSE s.id END, v.id, 'seed@example.org', 1, at, at + interval '1 second', at + interval '90 seconds'
      FROM planned JOIN s ON s.place = n % (SELECT count(*) FROM s) JOIN v ON v.place = (n / 7) % (SELECT count(*) FROM v)
      ORDER BY n`,
    values: (size) => [size.runs],
  },
  {
    sql: `INSERT INTO recovery_point (id, "vaultId", "sourceId", "runId", "snapshotId", "treeId", time, hostname, paths, files, bytes,
        "addedBytes", "storedBytes")
      SELECT gen_random_uuid(), "vaultId", "sourceId", id, encode(sha256(id::bytea), 'hex'), encode(sha256(id::bytea), 'hex'),
        "queuedAt", 'host1', ARRAY['/data/x'], 5000, 900000000, 5000000, 3000000
      FROM run WHERE kind = 'backup' AND outcome <> 'failed' ORDER BY "queuedAt" DESC LIMIT $1::int`,
    values: (size) => [size.recoveryPoints],
  },
];

export async function seed(address: string, size: SeedSize = DEFAULT_SIZE): Promise<void> {
  const client = new Client({ connectionString: address });
  await client.connect();
  try {
    const { rows } = await client.query<{ full: boolean }>('SELECT EXISTS (SELECT 1 FROM run) AS full');
    if (rows[0]?.full) throw new Error('The database already holds runs; seed an empty one.');
    await client.query('BEGIN');
    for (const { sql, values } of STATEMENTS) await client.query(sql, values(size));
    await client.query('COMMIT');
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await seed(databaseUrl());
}
