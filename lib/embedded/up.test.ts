// The supervisor as a user meets it: a process, its output, its exit code.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { childEnvironment } from '../config.ts';
import { lockDataFolder } from './data-folder.ts';
import { freePort } from './port.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const isBuilt = existsSync(join(ROOT, '.next', 'BUILD_ID'));
const START_LIMIT_MS = 60_000;

let folder: string;
const started = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-up-'));
  await chmod(folder, 0o755);
});
afterEach(async () => {
  for (const child of started) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
  started.clear();
  await rm(folder, { recursive: true, force: true });
});

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['lib/embedded/main.ts'], {
    cwd: ROOT,
    env: childEnvironment({ HOLDFAST_DATA_DIR: join(folder, 'data'), HOLDFAST_LOG_LEVEL: 'warn', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  const run = { child, output: '', ended: once(child, 'exit').then(([code]) => code as number | null) };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      run.output += text;
    });
  }
  return run;
}

async function takePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: String(address.port), free: () => new Promise((resolve) => server.close(resolve)) };
}

/** Exit code 1, the sentence, what to do, and no stack. */
async function expectRefusal(run: ReturnType<typeof start>, sentence: string, remedy: string) {
  expect(await run.ended).toBe(1);
  expect(run.output).toContain(sentence);
  expect(run.output).toContain(remedy);
  expect(run.output).not.toMatch(/^\s+at /m);
}

test('a taken port is named, with the way out', async () => {
  const { port, free } = await takePort();
  const run = start({ HOLDFAST_PORT: port });
  await expectRefusal(run, `Port ${port} on 127.0.0.1 is taken`, `HOLDFAST_PORT=${Number(port) + 1} npm start`);
  await free();
});

test('a second instance on the same data folder is refused', async () => {
  const lock = lockDataFolder(folder);
  const run = start({ HOLDFAST_DATA_DIR: folder, HOLDFAST_PORT: String(await freePort()) });
  await expectRefusal(run, 'Another Holdfast is running on this data folder', 'HOLDFAST_DATA_DIR');
  lock.release();
});

test('a data folder that is a file is named', async () => {
  await writeFile(join(folder, 'data'), '');
  await expectRefusal(
    start({ HOLDFAST_PORT: String(await freePort()) }),
    'is a file',
    'HOLDFAST_DATA_DIR=/some/folder',
  );
});

test('wrong settings are named all at once', async () => {
  const run = start({ HOLDFAST_PORT: 'many', REDIS_URL: 'localhost' });
  await expectRefusal(run, 'HOLDFAST_PORT is not a whole number', 'See .env.example');
  expect(run.output).toContain('REDIS_URL is not an address');
});

test('a database that does not answer is named, without its password', async () => {
  const run = start({
    HOLDFAST_PORT: String(await freePort()),
    DATABASE_URL: 'postgresql://u:hush@127.0.0.1:1/holdfast',
  });
  await expectRefusal(run, 'The database on 127.0.0.1:1/holdfast does not answer', 'DATABASE_URL');
  expect(run.output).not.toContain('hush');
});

async function untilReady(run: ReturnType<typeof start>): Promise<string> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (Date.now() < deadline && run.child.exitCode === null) {
    const token = /Set-up token:\s+(\S+)/.exec(run.output)?.[1];
    if (token !== undefined) return token;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not ready:\n${run.output}`);
}

test.skipIf(!isBuilt)(
  'starts from nothing, starts again after a kill -9 with a new token, and stops in order',
  { timeout: 3 * START_LIMIT_MS },
  async () => {
    const port = String(await freePort());
    const health = async () => (await fetch(`http://127.0.0.1:${port}/api/health`)).status;
    const first = start({ HOLDFAST_PORT: port });
    const token = await untilReady(first);
    expect(first.output).toContain(`Holdfast is ready:  http://127.0.0.1:${port}`);
    expect(await health()).toBe(200);
    first.child.kill('SIGKILL');
    await first.ended;
    // Web and worker notice by themselves; PostgreSQL is taken over.
    const second = start({ HOLDFAST_PORT: port });
    expect(await untilReady(second)).not.toBe(token);
    expect(await health()).toBe(200);
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
    await expect(health()).rejects.toThrow();
    expect(existsSync(join(folder, 'data', 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
  },
);
