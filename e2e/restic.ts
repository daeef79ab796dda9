// Stock restic as judge of what Holdfast wrote: the one of this Debian release, and the newest where it was fetched.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { resticPrograms } from '../scripts/restic-oracle.mjs';
import { instance } from './running.ts';

export interface Judge {
  label: string;
  program: string;
  /** restic 0.14 keeps link targets as text: one that is not UTF-8 comes back changed. */
  losesLinkBytes: boolean;
}

export function judges(): Judge[] {
  const { stable, newest } = resticPrograms();
  const old = stable ?? (existsSync('/usr/bin/restic') ? '/usr/bin/restic' : undefined);
  const found = [old, newest].flatMap((program) => {
    if (program === undefined) return [];
    const version = execFileSync(program, ['version'], { encoding: 'utf8' }).split(' ')[1] ?? '';
    return [{ label: `restic ${version}`, program, losesLinkBytes: version.startsWith('0.14.') }];
  });
  if (found.length === 0) throw new Error('There is no restic: run "node scripts/restic-oracle.mjs" first.');
  return found;
}

export interface Kit {
  location: string;
  password: string;
  /** Lines that are commands, as they stand in the file, `export` lines included. */
  commands: string[];
}

export function readKit(text: string): Kit {
  const commands = text.split('\n').filter((line) => /^(?:restic|export) /.test(line));
  const location = /^Location +(.+)$/m.exec(text)?.[1];
  const password = /^Password +(.+)$/m.exec(text)?.[1];
  if (location === undefined || password === undefined) throw new Error(`this is no recovery kit:\n${text}`);
  return { location, password, commands };
}

/** Runs one restic command on the kit's vault; what it printed. Throws with restic's own words. */
export function restic(judge: Judge, kit: Kit, args: readonly string[]): string {
  return execFileSync(judge.program, ['-r', kit.location, ...args], {
    encoding: 'utf8',
    env: { ...process.env, HOME: home(), RESTIC_PASSWORD: kit.password },
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Pastes the kit's commands into a shell, as a person would, in `folder`. */
export function pasteKit(judge: Judge, kit: Kit, commands: readonly string[], folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(judge.program, join(bin, 'restic'));
  const exports = kit.commands.filter((line) => line.startsWith('export '));
  return execFileSync('bash', ['-euc', [...exports, ...commands].join('\n')], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}:/usr/bin:/bin`, HOME: home() },
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** restic keeps its cache in the home folder: not in that of whoever runs the tests. */
function home(): string {
  const folder = join(instance.root, 'restic-home');
  mkdirSync(folder, { recursive: true });
  return folder;
}
