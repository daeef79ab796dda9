// Restores against restic, in pairs: one repository, which restic made, restored by both tools one right after the other
// into fresh folders, in alternating order, and the results compared entry by entry. Absolute times drift with the
// machine's other work, ratios hold. Whole processes are timed, start and scrypt included.
//
//   npm run bench -- restore [--rounds 5] [--restic <program>] [--program] <folder>...
//   npm run bench -- restore --make random|small [--seed 1] /tmp/some-folder      makes test data, always the same
//
// With --program it is the command line that is timed; without it a process that does nothing but restore.

import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { keepCompiledCode } from '#lib/engine/cpu/compile-cache.mjs';
import type { SnapshotId } from '#lib/engine/types.ts';

const SELF = fileURLToPath(import.meta.url);
const PROGRAM = fileURLToPath(new URL('../bin/holdfast.ts', import.meta.url));
const PASSWORD = 'bench';

/** What is timed: opens the repository, restores its only snapshot. */
async function restoreOnce(folder: string, target: string): Promise<void> {
  keepCompiledCode();
  const { planRestore } = await import('#lib/engine/verbs/restore.ts');
  const { openRepository } = await import('#lib/engine/verbs/open.ts');
  const { LocalStore } = await import('#lib/stores/local.ts');
  const repo = await openRepository(new LocalStore(folder), { password: PASSWORD });
  let snapshot: SnapshotId | undefined;
  for await (const { id } of repo.listFiles('snapshot')) snapshot = id;
  if (!snapshot) throw new Error('The repository has no snapshot.');
  const plan = await planRestore(repo, { snapshot, target, executeNext: true, onProgress: () => undefined });
  const { problems, problemCount } = await plan.execute();
  if (problemCount > 0) process.stderr.write(`${problemCount} problems, first: ${problems[0]?.message}\n`);
}

interface Timing {
  seconds: number;
  cpuSeconds: number;
  megabytes: number;
}

function time(program: string, args: readonly string[]): Timing {
  // What an earlier run left to be written would be written during this one.
  execFileSync('sync');
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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

const row = ({ seconds, cpuSeconds, megabytes }: Timing) =>
  `${seconds.toFixed(2)} s (cpu ${cpuSeconds.toFixed(2)} s, ${megabytes.toFixed(0)} MB)`;

async function compare(restic: string, folder: string, rounds: number, program: boolean): Promise<void> {
  const { listing } = await import('#lib/engine/oracle/listing.ts');
  process.stdout.write(`${folder}\n`);
  const home = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const repository = join(home, 'repository');
  const call = (args: readonly string[]) =>
    execFileSync(restic, ['-r', repository, '--no-cache', '-q', ...args], {
      cwd: folder,
      env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
    });
  const pairs: { restic: Timing; holdfast: Timing }[] = [];
  try {
    call(['init']);
    call(['backup', '.']);
    for (let round = 0; round < rounds; round++) {
      // Nothing is removed between the rounds: ext4 does not give away the inode of a file that was removed within the last
      // minutes, and looking for another one then takes most of the time of a restore of many files, of either tool.
      const [theirs, ours] = [join(home, `theirs ${round}`), join(home, `ours ${round}`)];
      const runRestic = () => time(restic, ['-r', repository, '--no-cache', '-q', 'restore', 'latest', '-t', theirs]);
      const runOurs = () =>
        program
          ? time(process.execPath, [PROGRAM, 'repo', 'restore', '-q', '-r', repository, 'latest', '-t', ours])
          : time(process.execPath, [SELF, '--child', repository, ours]);
      // The order alternates, so that a warm cache helps neither.
      const swapped = round % 2 === 1;
      const first = swapped ? runOurs() : runRestic();
      const second = swapped ? runRestic() : runOurs();
      const pair = swapped ? { restic: second, holdfast: first } : { restic: first, holdfast: second };
      pairs.push(pair);
      process.stdout.write(`  restic ${row(pair.restic)}   holdfast ${row(pair.holdfast)}\n`);
      if (round === 0) {
        const [expected, found] = [JSON.stringify(listing(theirs)), JSON.stringify(listing(ours))];
        if (expected !== found) throw new Error(`The two restores differ: look at ${theirs} and ${ours}.`);
      }
    }
    const ratio = (of: (timing: Timing) => number) =>
      median(pairs.map(({ restic, holdfast }) => of(restic) / of(holdfast))).toFixed(2);
    const wall = ratio(({ seconds }) => seconds);
    const cpu = ratio(({ cpuSeconds }) => cpuSeconds);
    const memory = median(pairs.map(({ holdfast }) => holdfast.megabytes)).toFixed(0);
    process.stdout.write(`  medians: ${wall} × as fast, ${cpu} × by processor time, ${memory} MB\n`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const RANDOM_FILES = 4;
const RANDOM_FILE_BYTES = 512 << 20;
const SMALL_FILES = 100_000;
const SLICE = 1 << 24;

function make(kind: string, folder: string, seed: string): void {
  mkdirSync(folder, { recursive: true });
  if (kind === 'random') {
    const stream = createCipheriv('aes-256-ctr', hash('sha256', seed, 'buffer'), Buffer.alloc(16));
    const zeros = Buffer.alloc(SLICE);
    for (let i = 0; i < RANDOM_FILES; i++) {
      for (let part = 0; part < RANDOM_FILE_BYTES / SLICE; part++) {
        writeFileSync(join(folder, `random ${i}`), stream.update(zeros), { flag: 'a' });
      }
    }
    return;
  }
  for (let i = 0; i < SMALL_FILES; i++) {
    const below = join(folder, `${Math.floor(i / 1000)}`, `${Math.floor(i / 100) % 10}`);
    if (i % 100 === 0) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `file ${i}.txt`), `File number ${i} of seed ${seed}\n`.repeat(1 + (i % 20)));
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    restic: { type: 'string' },
    make: { type: 'string' },
    seed: { type: 'string', default: '1' },
    program: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
});
if (values.child) {
  await restoreOnce(positionals[0] as string, positionals[1] as string);
} else if (values.make) {
  make(values.make, positionals[0] ?? '', values.seed);
} else {
  const { resticPrograms } = await import('../scripts/restic-oracle.mjs');
  const { newest, stable } = resticPrograms() as Record<string, string | undefined>;
  const restic = values.restic ?? newest ?? stable;
  if (!restic) throw new Error('No restic to compare with: run "node scripts/restic-oracle.mjs" first.');
  for (const folder of positionals) await compare(restic, resolve(folder), Number(values.rounds), values.program);
}
