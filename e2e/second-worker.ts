// A second worker for the running console, as on another machine. Root reads everything, so it gives up exactly that power:
// the capabilities to read and write past permissions.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { instance } from './running.ts';

const CAPABILITIES = '-dac_override,-dac_read_search';

export async function startWorkerWithoutRootsEyes(name: string): Promise<{ stop(): Promise<void> }> {
  const dataDir = join(instance.root, `worker-${name}`);
  mkdirSync(dataDir);
  const node = ['node_modules/.bin/node', 'bin/holdfast.ts', 'worker'];
  const command = process.getuid?.() === 0 ? ['setpriv', `--bounding-set=${CAPABILITIES}`, ...node] : node;
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_WORKER_NAME: name,
      // Where the console's own worker finds the database, and the key that opens the vault's password.
      DATABASE_URL: environmentOf(await instance.pid('worker')).DATABASE_URL,
      HOLDFAST_MASTER_KEY: readFileSync(join(instance.dataDir, 'master.key'), 'utf8').trim(),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const ended = once(child, 'exit');
  const ready = (async () => {
    while (!output.includes('worker ready')) await new Promise((resolve) => setTimeout(resolve, 50));
  })();
  await Promise.race([
    ready,
    ended.then(() => {
      throw new Error(`the second worker ended:\n${output}`);
    }),
  ]);
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function environmentOf(pid: number): Record<string, string | undefined> {
  const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}
