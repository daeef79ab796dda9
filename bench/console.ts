// A first backup through the whole console (asked over HTTP, queued, claimed, run by the worker, row finished) against the
// restic program on the same folder: in pairs, each into a fresh repository, in alternating order.
// Needs a build (npm start makes one). Promise: at most 1.5 times restic's time.
//
//   npm run bench -- console [folder, default /usr/share/doc] [pairs, default 5]

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Instance } from '../e2e/instance.ts';
import type { RunView } from '../lib/contracts/runs.ts';
import { resticPrograms } from '../scripts/restic-oracle.mjs';

const PROMISED = 1.5;
const folder = process.argv[2] ?? '/usr/share/doc';
const pairs = Number(process.argv[3] ?? 5);
const { newest } = resticPrograms();
if (newest === undefined) throw new Error('There is no restic to compare with: node scripts/restic-oracle.mjs');
const restic: string = newest;

const instance = await Instance.make();
let cookie = '';
try {
  const token = await instance.start();
  const person = { token, name: 'Bench', email: 'bench@example.org', password: 'a long sentence is fine' };
  const setup = await call('POST', '/setup', person);
  cookie = setup.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  const [worker] = (await ask<{ items: { id: string }[] }>('GET', '/workers')).items;
  const config = { kind: 'directory', path: folder, excludes: [] };
  const source = await ask<{ id: string }>('POST', '/sources', { name: 'bench', workerId: worker?.id, config });
  const ratios: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const work = [() => throughConsole(source.id, pair), withRestic];
    // The order alternates, so that a warm cache helps neither.
    if (pair % 2 === 1) work.reverse();
    const times = [await work[0]?.(), await work[1]?.()] as [number, number];
    const [ours, theirs] = pair % 2 === 1 ? [times[1], times[0]] : times;
    ratios.push(ours / theirs);
    process.stdout.write(
      `restic ${theirs.toFixed(2)} s   console ${ours.toFixed(2)} s   ratio ${(ours / theirs).toFixed(2)}\n`,
    );
  }
  ratios.sort((a, b) => a - b);
  const median = ratios[Math.floor(ratios.length / 2)] ?? Number.NaN;
  process.stdout.write(`median ratio ${median.toFixed(2)}: ${median <= PROMISED ? 'within' : 'over'} ${PROMISED}\n`);
} finally {
  await instance.remove();
}

async function throughConsole(sourceId: string, pair: number): Promise<number> {
  const store = { kind: 'local', path: join(instance.root, `vault-${pair}`) };
  const vault = await ask<{ id: string }>('POST', '/vaults', { name: `Vault ${pair}`, store });
  const news = await listen();
  const began = performance.now();
  const { id } = await ask<RunView>('POST', `/sources/${sourceId}/backups`, { vaultId: vault.id });
  for (;;) {
    const run = await ask<RunView>('GET', `/runs/${id}`);
    if (run.state === 'finished') {
      const silence = news.longestSilence(id);
      process.stdout.write(`longest silence ${silence.toFixed(2)} s   `);
      if (run.outcome !== 'succeeded') throw new Error(`the backup ended ${run.outcome}: ${JSON.stringify(run.error)}`);
      return (performance.now() - began) / 1000;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The live channel as a browser hears it. */
async function listen(): Promise<{ longestSilence(runId: string): number }> {
  const stop = new AbortController();
  const response = await fetch(`${instance.url}/api/events`, { headers: { cookie }, signal: stop.signal });
  if (!response.ok) throw new Error(`the live channel answered ${response.status}`);
  const heard: { at: number; text: string }[] = [];
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) heard.push({ at: performance.now(), text: decoder.decode(chunk) });
  })();
  // It ends with the abort below, which is no failure.
  reading.catch(() => undefined);
  return {
    longestSilence(runId) {
      stop.abort();
      const times = heard.filter(({ text }) => text.includes(runId)).map(({ at }) => at);
      return Math.max(0, ...times.slice(1).map((at, i) => at - (times[i] ?? at))) / 1000;
    },
  };
}

async function withRestic(): Promise<number> {
  const repository = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const run = (...args: string[]) =>
    promisify(execFile)(restic, ['-r', repository, '--no-cache', '-q', ...args], {
      env: { ...process.env, RESTIC_PASSWORD: 'bench' },
    });
  try {
    await run('init');
    const began = performance.now();
    await run('backup', folder);
    return (performance.now() - began) / 1000;
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`${instance.url}/api/v1${path}`, {
    method,
    headers: { cookie, origin: instance.url, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await call(method, path, body)).json() as Promise<T>;
}
