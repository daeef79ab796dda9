// Engine against restic, in pairs: both tools on the same data, one right after the other, each on a fresh repository.
// Absolute times drift with the machine's other work, ratios hold. Whole processes are timed, start and scrypt included.
//
//   node bench/engine.ts [--rounds 3] [--restic <program>] <folder>...
//   node bench/engine.ts --make random|small /tmp/some-folder      makes test data

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resticPrograms } from '../scripts/restic-oracle.mjs';

const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));
const PASSWORD = 'bench';

interface Timing {
  seconds: number;
  cpuSeconds: number;
  megabytes: number;
}

/** Runs a program and gives wall time, processor time of it and its threads, and peak memory. */
function time(program: string, args: readonly string[]): Timing {
  const before = performance.now();
  const done = spawnSync('/usr/bin/time', ['-f', '%U %S %M', program, ...args], {
    env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${done.stderr}${done.stdout}`);
  const [user, system, kilobytes] = (done.stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return {
    seconds: (performance.now() - before) / 1000,
    cpuSeconds: (user ?? 0) + (system ?? 0),
    megabytes: (kilobytes ?? 0) / 1024,
  };
}

function show(label: string, restic: Timing, ours: Timing): void {
  const row = (timing: Timing) =>
    `${timing.seconds.toFixed(2)} s (cpu ${timing.cpuSeconds.toFixed(2)} s, ${timing.megabytes.toFixed(0)} MB)`;
  const ratio = (ours.seconds / restic.seconds).toFixed(2);
  process.stdout.write(`${label.padEnd(10)} restic ${row(restic)}   holdfast ${row(ours)}   ratio ${ratio}\n`);
}

function compare(restic: string, folder: string, rounds: number): void {
  process.stdout.write(`${folder}\n`);
  for (let round = 0; round < rounds; round++) {
    const home = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
    try {
      const theirs = join(home, 'restic');
      const ours = join(home, 'holdfast');
      const backupTheirs = ['-r', theirs, '--no-cache', '-q', 'backup', folder];
      execFileSync(restic, ['-r', theirs, 'init', '-q'], { env: { ...process.env, RESTIC_PASSWORD: PASSWORD } });
      // Ours is made by restic as well: same scrypt cost, and one more proof that either opens the other's.
      execFileSync(restic, ['-r', ours, 'init', '-q'], { env: { ...process.env, RESTIC_PASSWORD: PASSWORD } });
      // The order alternates, so that a warm cache helps neither.
      const first = () => time(restic, backupTheirs);
      const second = (...more: string[]) => time(process.execPath, [CHILD, ours, PASSWORD, folder, ...more]);
      if (round % 2 === 0) {
        const a = first();
        show('first', a, second());
      } else {
        const b = second();
        show('first', first(), b);
      }
      show('unchanged', time(restic, backupTheirs), second());
      show('re-read', time(restic, [...backupTheirs, '--force']), second('--force'));
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }
}

const RANDOM_FILES = 4;
const RANDOM_FILE_BYTES = 512 << 20;
const SMALL_FILES = 100_000;

function make(kind: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (kind === 'random') {
    for (let i = 0; i < RANDOM_FILES; i++) {
      for (let part = 0; part < RANDOM_FILE_BYTES >> 24; part++) {
        writeFileSync(join(folder, `random ${i}`), randomBytes(1 << 24), { flag: 'a' });
      }
    }
    return;
  }
  for (let i = 0; i < SMALL_FILES; i++) {
    const below = join(folder, `${Math.floor(i / 1000)}`, `${Math.floor(i / 100) % 10}`);
    if (i % 100 === 0) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `file ${i}.txt`), `File number ${i}\n`.repeat(1 + (i % 20)));
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    restic: { type: 'string' },
    make: { type: 'string' },
  },
});
if (values.make) {
  make(values.make, positionals[0] ?? '');
} else {
  const { newest, stable } = resticPrograms() as Record<string, string | undefined>;
  const restic = values.restic ?? newest ?? stable;
  if (!restic) throw new Error('No restic to compare with: run "node scripts/restic-oracle.mjs" first.');
  for (const folder of positionals) compare(restic, folder, Number(values.rounds));
}
