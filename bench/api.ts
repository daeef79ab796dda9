// How long the API takes to read with 10,000 recovery points and 100,000 runs: a private PostgreSQL, seeded, and the built web
// process in front of it, asked over HTTP. Needs `npm run build` first (npm start does it). Promise: 50 ms at the median.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../lib/db/migrate.ts';
import { freePort } from '../lib/embedded/port.ts';
import { startPrivatePostgres } from '../lib/embedded/postgres.ts';
import { seed } from '../prisma/seed.ts';

const ROUNDS = 40;
const PROMISED_MS = 50;

const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
await chmod(folder, 0o755);
const postgres = await startPrivatePostgres({ folder: join(folder, 'postgres'), throwAway: true });
let web: ChildProcess | undefined;
try {
  process.env.DATABASE_URL = postgres.url;
  process.env.HOLDFAST_DATA_DIR = join(folder, 'data');
  await migrate(postgres.url);
  await timed('seed', () => seed(postgres.url));
  const { ensureSetupToken } = await import('../lib/services/setup.ts');
  const token = await ensureSetupToken();
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  web = spawn(process.execPath, ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', String(port)], {
    env: { ...process.env, NODE_ENV: 'production', HOLDFAST_PORT: String(port), NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  await untilAnswering(`${origin}/api/health`);
  const setup = await fetch(`${origin}/api/v1/setup`, {
    method: 'POST',
    headers: { origin, 'content-type': 'application/json' },
    body: JSON.stringify({ token, name: 'Bench', email: 'bench@example.org', password: 'a long sentence is fine' }),
  });
  if (setup.status !== 201) throw new Error(`set-up failed: ${await setup.text()}`);
  const cookie = setup.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  const read = async (path: string) => {
    const response = await fetch(`${origin}/api/v1${path}`, { headers: { cookie } });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${text}`);
    return text;
  };
  const first = async (path: string) => JSON.parse(await read(path)).items[0].id as string;
  const [source, vault, point, run] = await Promise.all([
    first('/sources'),
    first('/vaults'),
    first('/recovery-points'),
    first('/runs'),
  ]);
  let deep = '/runs?limit=50';
  for (let page = 0; page < 20; page += 1) {
    const { nextCursor } = JSON.parse(await read(deep));
    deep = `/runs?limit=50&cursor=${nextCursor}`;
  }
  const paths = [
    '/session',
    '/overview',
    '/vaults',
    `/vaults/${vault}`,
    '/sources?limit=200',
    `/sources/${source}`,
    '/recovery-points',
    `/recovery-points?sourceId=${source}&limit=200`,
    `/recovery-points?vaultId=${vault}`,
    `/recovery-points/${point}`,
    '/runs',
    deep,
    '/runs?state=running',
    '/runs?outcome=failed',
    '/runs?kind=check',
    `/runs?sourceId=${source}`,
    `/runs?vaultId=${vault}&kind=check`,
    `/runs?kind=restore`,
    `/runs?sourceId=${source}&outcome=lost`,
    `/runs/${run}`,
    `/runs/${run}/log`,
    '/workers',
  ];
  process.stdout.write('  median     p95      KiB  address\n');
  let slow = 0;
  for (const path of paths) {
    const times: number[] = [];
    let bytes = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now();
      bytes = (await read(path)).length;
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    const median = times[ROUNDS / 2] ?? 0;
    if (median > PROMISED_MS) slow += 1;
    const shown = path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…').replace(/cursor=.*/, 'cursor=… (page 21)');
    process.stdout.write(
      `${median.toFixed(1).padStart(8)}${(times[Math.floor(ROUNDS * 0.95)] ?? 0).toFixed(1).padStart(8)}${(bytes / 1024).toFixed(1).padStart(9)}  ${shown}\n`,
    );
  }
  process.stdout.write(
    slow === 0 ? `All within ${PROMISED_MS} ms at the median.\n` : `${slow} slower than ${PROMISED_MS} ms.\n`,
  );
} finally {
  if (web?.pid !== undefined && web.exitCode === null) {
    process.kill(-web.pid, 'SIGTERM');
    await once(web, 'exit');
  }
  const { disconnectDb } = await import('../lib/db/client.ts');
  await disconnectDb();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  await work();
  process.stdout.write(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
}

async function untilAnswering(url: string): Promise<void> {
  for (let tries = 0; tries < 150; tries += 1) {
    if (
      await fetch(url).then(
        (response) => response.ok,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${url} did not answer within 30 s: was it built?`);
}
