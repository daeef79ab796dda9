// The private PostgreSQL: a real server from npm packages, for installations without DATABASE_URL, and for tests.
// Rules: it listens on loopback only, with scram and a random password kept in a 0600 file; a cluster appears whole or not at
// all (initdb works in a folder that is renamed at the end); whatever was killed before, the next start works.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdir, readFile, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { childEnvironment } from '../config.ts';
import { AppError } from '../errors.ts';
import { type ServerAccount, serverAccount } from './account.ts';
import { freePort } from './port.ts';
import { serverPrograms } from './programs.ts';

const DATABASE = 'holdfast';
/** Replaying the log after a crash can take a while; a server that makes no progress for longer is broken. */
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 40;
/** Fast shutdown writes a checkpoint; after this long it is asked to stop without one (the log replays at the next start). */
const FAST_STOP_MS = 30_000;
const IMMEDIATE_STOP_MS = 5_000;
const START_ATTEMPTS = 5;
/** Orphaned backends of a killed server notice within a second or two. */
const ORPHAN_WAIT_MS = 1_000;
const KEPT_LOG_LINES = 30;

/** For a machine that also runs web, worker and what it protects: the rows of a console fit into little memory. */
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '48MB',
  maintenance_work_mem: '32MB',
  max_wal_size: '256MB',
  min_wal_size: '48MB',
  // Nobody replicates from it: less log, fewer processes.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  autovacuum_max_workers: '2',
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
};

/** Tests only: a crash of the machine may destroy the cluster. */
const THROW_AWAY_SETTINGS: Record<string, string> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
};

export interface PrivatePostgres {
  /** Address of the database, with its password. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server ended, wanted or not. */
  readonly exited: Promise<void>;
  /** Its newest lines, for an error message. */
  lastLines(): string[];
  /** Ends all sessions, writes everything and stops. Idempotent. */
  stop(): Promise<void>;
}

export interface PrivatePostgresOptions {
  /** Folder of its own; made when missing. */
  folder: string;
  /** For tests: no fsync. */
  throwAway?: boolean;
}

/**
 * Starts the server of a folder, making it first when it is not there. Ready when it resolves. A server that still runs on
 * this folder, because its supervisor was killed, is stopped first: the caller must hold the lock of the data folder.
 */
export async function startPrivatePostgres(options: PrivatePostgresOptions): Promise<PrivatePostgres> {
  const { folder } = options;
  const cluster = join(folder, 'cluster');
  await mkdir(folder, { recursive: true });
  const account = await serverAccount(folder, cluster);
  const programs = await serverPrograms(folder, account);
  const password = await readPassword(join(folder, 'password'));
  if (!(await exists(join(cluster, 'PG_VERSION')))) {
    await initialise(programs.initdb, cluster, account, password, options.throwAway === true);
  }
  await stopOrphan(cluster);
  const settings = { ...SETTINGS, ...(options.throwAway === true ? THROW_AWAY_SETTINGS : {}) };
  for (let attempt = 1; ; attempt += 1) {
    const server = await launch(programs.postgres, cluster, account, password, settings);
    if (server !== undefined) return server;
    // Another program took the port in between, or backends of a killed server still end.
    if (attempt === START_ATTEMPTS) throw new AppError('unavailable', startFailure(['no attempt succeeded']));
    await sleep(ORPHAN_WAIT_MS);
  }
}

async function readPassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const password = randomBytes(24).toString('base64url');
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return password;
}

async function initialise(
  initdb: string,
  cluster: string,
  account: ServerAccount,
  password: string,
  throwAway: boolean,
): Promise<void> {
  const fresh = `${cluster}.new`;
  const passwordFile = `${cluster}.password`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  try {
    if (account.uid !== undefined && account.gid !== undefined) {
      await chown(fresh, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const args = [
      `--pgdata=${fresh}`,
      '--username=holdfast',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The server's own collation: it does not change with the machine's libraries, which would spoil indexes.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(throwAway ? ['--no-sync'] : []),
    ];
    const child = spawn(initdb, args, {
      ...account,
      cwd: fresh,
      env: childEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines = keepLines(child);
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new AppError(spaceRanOut(lines) ? 'no-space' : 'internal', initFailure(cluster, lines));
    await rename(fresh, cluster);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Stops a server that a killed supervisor left behind; takes away a pid file that points to something else. */
async function stopOrphan(cluster: string): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n', 1)[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  if (!isAlive(pid)) return; // PostgreSQL sees this itself and replays its log.
  const workingFolder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  if (workingFolder === undefined) return; // Not Linux, or not ours to look at: PostgreSQL decides.
  if (workingFolder !== (await realpath(cluster))) {
    // After a reboot another program may have got the number; PostgreSQL would refuse to start for it.
    await rm(pidFile, { force: true });
    return;
  }
  for (const [signal, patience] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return; // It ended in between.
    }
    const deadline = Date.now() + patience;
    while (Date.now() < deadline) {
      if (!isAlive(pid)) return;
      await sleep(READY_POLL_MS);
    }
  }
}

/** Undefined when another attempt may succeed. */
async function launch(
  postgres: string,
  cluster: string,
  account: ServerAccount,
  password: string,
  settings: Record<string, string>,
): Promise<PrivatePostgres | undefined> {
  const port = await freePort();
  const args = [
    '-D',
    cluster,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  // Detached: Ctrl-C reaches every process of the terminal, and this one must be the last to stop.
  const child = spawn(postgres, args, {
    ...account,
    cwd: cluster,
    env: childEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const lines = keepLines(child);
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      lines.push(error.message);
      resolve();
    });
  });
  const url = (database: string) => `postgresql://holdfast:${password}@127.0.0.1:${port}/${database}`;
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const outcome = await Promise.race([
      makeDatabase(url('postgres')).catch((error: unknown) => error),
      exited.then(() => 'ended' as const),
    ]);
    if (outcome instanceof Error) {
      await stop(child, exited);
      throw outcome;
    }
    if (outcome === 'ended') {
      if (lines.some((line) => /in use|already exists|pre-existing shared memory/.test(line))) return undefined;
      throw new AppError(spaceRanOut(lines) ? 'no-space' : 'unavailable', startFailure(lines));
    }
    if (outcome) {
      return {
        url: url(DATABASE),
        pid: child.pid as number,
        exited,
        lastLines: () => [...lines],
        stop: () => stop(child, exited),
      };
    }
    await sleep(READY_POLL_MS);
  }
  await stop(child, exited);
  throw new AppError('timeout', startFailure(lines));
}

/** True when the server answers and the database is there. */
async function makeDatabase(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {}); // The query fails as well.
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code;
    // cannot_connect_now: starting up or replaying its log.
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03') return false;
    if (code === '53100') throw new AppError('no-space', startFailure([String(error)]));
    throw new AppError('unavailable', { ...startFailure([String(error)]), cause: error });
  } finally {
    await client.end().catch(() => {}); // It never connected.
  }
}

async function stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
  for (const [signal, patience] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    child.kill(signal);
    const timer = new AbortController();
    await Promise.race([exited, sleep(patience, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }
  await exited;
}

function keepLines(child: ChildProcess): string[] {
  const lines: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line.trim() !== ''));
    lines.splice(0, Math.max(0, lines.length - KEPT_LOG_LINES));
  });
  return lines;
}

function spaceRanOut(lines: string[]): boolean {
  return lines.some((line) => line.includes('No space left on device'));
}

function initFailure(cluster: string, lines: string[]) {
  return {
    message: `The private database could not be made in ${cluster}: ${lines.at(-1) ?? 'initdb said nothing'}`,
    hint: spaceRanOut(lines)
      ? 'The disk is full: free some space, or choose another data folder with HOLDFAST_DATA_DIR.'
      : 'Choose another data folder with HOLDFAST_DATA_DIR, or give a PostgreSQL server with DATABASE_URL.',
  };
}

function startFailure(lines: string[]) {
  return {
    message: `The private database did not start: ${lines.slice(-3).join(' / ') || 'it said nothing'}`,
    hint: spaceRanOut(lines)
      ? 'The disk is full: free some space and start again.'
      : 'Start again; if it stays, its files may be damaged: restore the data folder, or give a server with DATABASE_URL.',
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
