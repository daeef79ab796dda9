import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PrivatePostgres, startPrivatePostgres } from './postgres.ts';

let root: string;
const running = new Set<PrivatePostgres>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-postgres-'));
  await chmod(root, 0o755);
});
afterAll(async () => {
  for (const server of running) await server.stop();
  await rm(root, { recursive: true });
});

async function start(): Promise<PrivatePostgres> {
  const server = await startPrivatePostgres({ folder: join(root, 'postgres') });
  running.add(server);
  void server.exited.then(() => running.delete(server));
  return server;
}

async function query(url: string, sql: string) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('keeps rows from one start to the next', async () => {
  const first = await start();
  await query(first.url, `CREATE TABLE kept AS SELECT 'still here' AS word`);
  await first.stop();
  const second = await start();
  expect(await query(second.url, 'SELECT word FROM kept')).toEqual([{ word: 'still here' }]);
  await second.stop();
});

test('asks for the password, which only its owner can read', async () => {
  const server = await start();
  const stranger = new URL(server.url);
  stranger.password = 'guess';
  await expect(query(stranger.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
  expect((await stat(join(root, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
  expect((await stat(join(root, 'postgres', 'cluster'))).mode & 0o777).toBe(0o700);
  const listening = await query(server.url, `SELECT current_setting('listen_addresses') AS at`);
  expect(listening).toEqual([{ at: '127.0.0.1' }]);
  await server.stop();
});

test('starts again after a kill -9, with what was committed', async () => {
  const first = await start();
  await query(first.url, 'CREATE TABLE committed ()');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const second = await start();
  expect(await query(second.url, `SELECT to_regclass('committed') AS found`)).toEqual([{ found: 'committed' }]);
  await second.stop();
});

test('takes over a server whose supervisor was killed', async () => {
  const orphan = await start();
  const second = await start();
  await orphan.exited;
  expect(second.pid).not.toBe(orphan.pid);
  expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await second.stop();
});

test('is not stopped by a pid file that points to another program', async () => {
  await (await start()).stop();
  const cluster = join(root, 'postgres', 'cluster');
  // What a crash leaves, with a number that now belongs to a process of ours.
  await writeFile(join(cluster, 'postmaster.pid'), `${process.pid}\n${cluster}\n1\n5432\n\n127.0.0.1\n 1 1\nready\n`);
  const server = await start();
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a lost password file is a sentence, and nothing stays running', async () => {
  const file = join(root, 'postgres', 'password');
  const password = await readFile(file, 'utf8');
  await writeFile(file, 'wrong\n');
  await expect(start()).rejects.toThrow('did not start');
  await expect(stat(join(root, 'postgres', 'cluster', 'postmaster.pid'))).rejects.toThrow('ENOENT');
  await writeFile(file, password);
  await (await start()).stop();
});
