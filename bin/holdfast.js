#!/usr/bin/env node
// Starts bin/holdfast.ts with the Node that the project pins, since the system's may be too old for it. Built-ins of
// Node 20 only. Signals reach the program itself; this process only waits and passes on how it ended.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
const program = fileURLToPath(new URL('./holdfast.ts', import.meta.url));

if (!existsSync(node)) {
  process.stderr.write('holdfast: the packages are not installed; run "npm ci" in the project folder first.\n');
  process.exit(1);
}

// Halves the start: types are stripped and scripts compiled once. Node ignores a folder that it cannot write.
const cache = fileURLToPath(new URL('../node_modules/.cache/holdfast', import.meta.url));
// biome-ignore lint/style/noProcessEnv: passed on as it is, nothing is read from it.
const env = { NODE_COMPILE_CACHE: cache, ...process.env };

const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit', env });
child.on('error', (error) => {
  process.stderr.write(`holdfast: ${error.message}\n`);
  process.exit(1);
});
// A terminal sends Ctrl-C to both processes; the child decides what it means.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else process.exit(code ?? 1);
});
