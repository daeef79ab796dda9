// Starts the built Holdfast the way `npm start` does after its preparations: the supervisor with private PostgreSQL,
// web and worker, on a free port and a data folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY_TIMEOUT_MS = 90_000;

export interface Instance {
  url: string;
  setupToken: string;
  dataDir: string;
  /** Folder for sources, vaults and restores of the stories. */
  workDir: string;
  output(): string;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

export async function startInstance(): Promise<Instance> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-e2e-'));
  // As root the private PostgreSQL runs under another user, who must be able to pass through.
  await chmod(root, 0o755);
  const dataDir = join(root, 'data');
  const port = await freePort();
  const child = spawn('node_modules/.bin/node', ['bin/holdfast.ts', 'up'], {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_PORT: String(port),
      DATABASE_URL: '',
      REDIS_URL: '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  const setupToken = await untilReady(child, () => output);
  return {
    url,
    setupToken,
    dataDir,
    workDir: root,
    output: () => output,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Resolves with the set-up token once the block with address and token was printed. */
async function untilReady(child: ChildProcess, output: () => string): Promise<string> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const token = /set-up token\W+(\S+)/i.exec(output())?.[1];
    if (token !== undefined) return token;
    if (child.exitCode !== null)
      throw new Error(`Holdfast ended with ${child.exitCode} before it was ready:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill('SIGKILL');
  throw new Error(`Holdfast was not ready within ${READY_TIMEOUT_MS / 1000} s:\n${output()}`);
}
