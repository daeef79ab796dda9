// Worker processes for tests: the real program, on the database of the test file and folders of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { config, forgetConfig, ownProcessEnvironment } from '../lib/config.ts';
import type { Actor } from '../lib/contracts/access.ts';
import type { RunView } from '../lib/contracts/runs.ts';
import { checkRepository } from '../lib/engine/verbs/check.ts';
import { listSnapshots } from '../lib/engine/verbs/snapshots.ts';
import { closeCourier } from '../lib/live/instance.ts';
import { closeQueues } from '../lib/queue/instance.ts';
import { forgetMasterKey } from '../lib/secrets/instance.ts';
import { openVault } from '../lib/services/open-vault.ts';
import { getRun } from '../lib/services/runs.ts';
import { createSource } from '../lib/services/sources.ts';
import { createVault } from '../lib/services/vaults.ts';
import { useTestDatabase } from './database.ts';

export const owner: Actor = { userId: 'u', email: 'ada@example.org', role: 'owner' };
const MAIN = fileURLToPath(new URL('../workers/main.ts', import.meta.url));

export const ENDLESS = 'zz-endless';

export interface WorkerProcess {
  child: ChildProcess;
  id: string;
  output(): string;
}

export interface WorkerOptions {
  /** The data folder is the host: same folder, same worker. */
  dataDir?: string;
  env?: Record<string, string>;
  /** Account to run under. */
  uid?: number;
}

export async function until(condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(50);
  }
}

export async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}

export async function finished(run: { id: string }, ms = 60_000): Promise<RunView> {
  await until(async () => (await getRun(owner, run.id)).state === 'finished', ms);
  return getRun(owner, run.id);
}

/** For the top of a test file: a database, a folder, and worker processes that end with each test. */
export function useWorkers() {
  const database = useTestDatabase();
  const processes: ChildProcess[] = [];
  let root = '';

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-worker-'));
    // Workers of other accounts pass through.
    await chmod(root, 0o755);
    process.env.HOLDFAST_DATA_DIR = join(root, 'data');
    forgetConfig();
    forgetMasterKey();
  });
  afterEach(async () => {
    for (const child of processes.splice(0)) await endProcess(child, 'SIGKILL');
  });
  afterAll(async () => {
    await closeQueues();
    await closeCourier();
    delete process.env.HOLDFAST_DATA_DIR;
    forgetConfig();
    forgetMasterKey();
    await rm(root, { recursive: true, force: true });
  });

  return {
    path: (name: string) => join(root, name),

    /** Starts a worker and waits for its line. */
    async start({ dataDir = config().dataDir, env = {}, uid }: WorkerOptions = {}): Promise<WorkerProcess> {
      const child = spawn(process.execPath, [MAIN], {
        env: ownProcessEnvironment({
          DATABASE_URL: database.url,
          HOLDFAST_LOG_LEVEL: 'info',
          HOLDFAST_DATA_DIR: dataDir,
          ...env,
        }),
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(uid === undefined ? {} : { uid, gid: uid }),
      });
      processes.push(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      }
      await until(() => {
        if (child.exitCode !== null) throw new Error(`the worker ended:\n${output}`);
        return /^worker ready$/m.test(output);
      }, 60_000);
      return { child, id: (await readFile(join(dataDir, 'worker-id'), 'utf8')).trim(), output: () => output };
    },

    /** A data folder of another host that shares the master key. */
    async otherHost(name: string): Promise<string> {
      const dataDir = join(root, name);
      await mkdir(dataDir, { recursive: true });
      const key = join(config().dataDir, 'master.key');
      await writeFile(join(dataDir, 'master.key'), await readFile(key), { mode: 0o600 });
      return dataDir;
    },

    /**
     * A folder with two small files in it; `bulk` adds so many times 4 MiB of new data; `endless` a file that keeps any machine busy
     * for minutes and takes no room on the disk. It is called ENDLESS and comes last.
     */
    async folder(options: { bulk?: number; endless?: boolean } = {}): Promise<string> {
      const path = join(root, `src-${randomUUID().slice(0, 8)}`);
      await mkdir(join(path, 'deep', 'er'), { recursive: true });
      await writeFile(join(path, 'a.txt'), 'alpha');
      await writeFile(join(path, 'deep', 'er', 'ü "quoted".txt'), 'beta');
      for (let i = 0; i < (options.bulk ?? 0); i++) {
        const bytes = new Uint8Array(4 << 20);
        for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
        await writeFile(join(path, `bulk-${i}`), bytes);
      }
      if (options.endless) {
        await writeFile(join(path, ENDLESS), '');
        await truncate(join(path, ENDLESS), 128 * 2 ** 30);
      }
      return path;
    },

    async vaultAndSource(workerId: string, path: string) {
      const name = randomUUID().slice(0, 8);
      const vaultPath = join(root, `vault-${name}`);
      const vault = await createVault(owner, { name: `v-${name}`, store: { kind: 'local', path: vaultPath } });
      const config = { kind: 'directory' as const, path, excludes: [] };
      const source = await createSource(owner, { name: `s-${name}`, workerId, config }, new Date());
      return { vault, vaultPath, source };
    },

    /** What a restart of the server does to everyone who is connected, this process included. */
    async dropConnections(): Promise<void> {
      const client = new Client({ connectionString: database.url });
      client.on('error', () => {});
      await client.connect();
      await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
      await client.end();
    },

    /** Reads all data of the vault, expects no error and no lock, and returns how many snapshots there are. */
    async expectClean(vaultId: string): Promise<number> {
      const open = await openVault(vaultId);
      try {
        const checked = await checkRepository(open.repository, { readData: true });
        expect(checked.findings.filter((finding) => finding.severity === 'error')).toEqual([]);
        expect(checked.ok).toBe(true);
        return (await listSnapshots(open.repository)).length;
      } finally {
        await open.close();
      }
    },
  };
}
