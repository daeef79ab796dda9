// The restic programs as oracle for the tests in this folder. scripts/restic-oracle.mjs fetches them; where they are
// missing the tests are skipped on a developer's machine and fail under CI, so that they cannot quietly stop running.

import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { hash, randomBytes, scryptSync } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { resticPrograms } from '../../../scripts/restic-oracle.mjs';
import { Envelope } from '../crypto/envelope.ts';

export const PASSWORD = 'correct horse';

export class Restic {
  readonly label: string;
  readonly program: string;

  constructor(label: string, program: string) {
    this.label = label;
    this.program = program;
  }

  /** Runs one command on a repository; gives the exit code and what it printed. */
  try(
    repo: string,
    args: readonly string[],
    input?: { cwd?: string; env?: Record<string, string> },
  ): SpawnSyncReturns<Buffer> {
    // Also the zone: times in trees carry its offset.
    const env = { ...process.env, RESTIC_PASSWORD: PASSWORD, ...input?.env };
    return spawnSync(this.program, ['-r', repo, '--no-cache', ...args], {
      cwd: input?.cwd,
      env,
      maxBuffer: 1 << 30,
    });
  }

  /** As try(), but a failure throws with restic's own words. */
  run(repo: string, args: readonly string[], input?: { cwd?: string; env?: Record<string, string> }): Buffer {
    const done = this.try(repo, args, input);
    if (done.status !== 0) {
      throw new Error(`restic ${args.join(' ')} ended with ${done.status}: ${done.stderr}${done.stdout}`);
    }
    return done.stdout;
  }

  /** A new repository. Its key is made cheap to derive: of the half second that every command takes most is scrypt. */
  init(repo: string, version = 2): void {
    this.run(repo, ['init', '--repository-version', String(version)]);
    makeKeyCheap(repo);
  }

  /** Backs up one path given relative to `cwd`, so that the root tree is the folder that holds it. */
  backup(repo: string, cwd: string, path: string): { id: string; tree: string } {
    this.run(repo, ['backup', '--host', 'oracle', path], { cwd });
    const snapshots = JSON.parse(this.run(repo, ['snapshots', '--json']).toString()) as { id: string; tree: string }[];
    return snapshots.at(-1) as { id: string; tree: string };
  }

  version(): string {
    return execFileSync(this.program, ['version'], { encoding: 'utf8' }).split(' ')[1] ?? '';
  }
}

/** The same master key under the same password, by scrypt with the smallest cost: format/key.ts, but synchronous. */
export function makeKeyCheap(repo: string, password = PASSWORD): void {
  const folder = join(repo, 'keys');
  for (const name of readdirSync(folder)) {
    const key = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const derive = (salt: Buffer, { N, r, p }: { N: number; r: number; p: number }) =>
      new Envelope(scryptSync(password, salt, 64, { N, r, p, maxmem: 256 * N * r }));
    const master = derive(Buffer.from(key.salt, 'base64'), key).open(Buffer.from(key.data, 'base64'));
    if (!master) throw new Error(`the key ${name} does not open`);
    const cheap = { N: 1024, r: 8, p: 1 };
    const salt = randomBytes(64);
    const data = derive(salt, cheap).seal(master).toString('base64');
    const text = JSON.stringify({ ...key, ...cheap, salt: salt.toString('base64'), data });
    writeFileSync(join(folder, hash('sha256', text, 'hex')), text, { mode: 0o600 });
    rmSync(join(folder, name), { force: true });
  }
}

const programs = Object.entries(resticPrograms()) as [string, string | undefined][];
const missing = programs.filter(([, program]) => !program).map(([label]) => label);
if (missing.length > 0 && process.env.CI) {
  throw new Error(`No restic program for ${missing.join(', ')}: run "node scripts/restic-oracle.mjs" first.`);
}

const present = programs.flatMap(([label, program]) => (program ? [new Restic(label, program)] : []));

/** Runs a block of tests once with each restic program. */
export function describeWithRestic(title: string, block: (restic: Restic) => void): void {
  if (present.length === 0) {
    describe.skip(`${title} (no restic program: run "node scripts/restic-oracle.mjs")`, () => {});
    return;
  }
  for (const restic of present) describe(`${title} (restic ${restic.version()})`, () => block(restic));
}
