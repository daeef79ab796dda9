// Brings up what the tests talk to, once for all files: a private PostgreSQL and, when redis-server is installed, a real
// Redis. Each gets a free port and a folder that is removed at the end. In CI a server that is missing is a failure; elsewhere
// the tests that need it are skipped, and this says so.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { freePort } from '#lib/embedded/port.ts';
import { migrate } from '../lib/db/migrate.ts';
import { startPrivatePostgres } from '../lib/embedded/postgres.ts';
import { TEMPLATE } from './database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the server's own database, with a superuser. */
    postgresUrl: string;
    /** Empty when there is no Redis. */
    redisUrl: string;
  }
}

const REDIS_READY_MS = 10_000;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  // As root PostgreSQL runs under another account, who must be able to pass through.
  await chmod(folder, 0o755);
  const postgres = await startPrivatePostgres({ folder: join(folder, 'postgres'), throwAway: true });
  const redis = await startRedis(folder);
  await makeTemplate(postgres.url);
  project.provide('postgresUrl', postgres.url);
  project.provide('redisUrl', redis?.url ?? '');
  return async () => {
    await Promise.all([postgres.stop(), redis?.stop()]);
    await rm(folder, { recursive: true, force: true });
  };
}

/** A migrated database that PostgreSQL copies in some 30 ms for each test file. */
async function makeTemplate(serverUrl: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${TEMPLATE}`;
  await migrate(url.href);
}

async function startRedis(folder: string): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    const missing = 'redis-server is not installed (Debian: apt-get install redis-server)';
    if (process.env.CI) throw new Error(`${missing}; in CI nothing is skipped.`);
    process.stderr.write(`\n  SKIPPED: every test on Redis, because ${missing}.\n\n`);
    return undefined;
  }
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await ready(child);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`redis-server was not ready in time:\n${said}`)), REDIS_READY_MS);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (!said.includes('Ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('exit', () => reject(new Error(`redis-server ended:\n${said}`)));
  });
}
