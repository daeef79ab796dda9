// Options every repository command shares, and the open repository they lead to. RESTIC_* variables are read here, where
// restic reads them; the console's configuration is not involved.

import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type CpuPool, createCpuPool } from '#lib/engine/cpu/pool.ts';
import type { Repository } from '#lib/engine/repository/repository.ts';
import { openRepository } from '#lib/engine/verbs/open.ts';
import { AppError } from '#lib/errors.ts';
import { LocalStore } from '#lib/stores/local.ts';
import type { Store } from '#lib/stores/store.ts';
import { askPassword } from './password.ts';

export interface CommonOptions {
  repo?: string;
  repositoryFile?: string;
  passwordFile?: string;
  keyHint?: string;
  json?: boolean;
  quiet?: boolean;
  lock?: boolean;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option('-r, --repo <location>', 'repository: a folder, or local:<folder> (default: $RESTIC_REPOSITORY)')
    .option('--repository-file <file>', 'file that holds the location (default: $RESTIC_REPOSITORY_FILE)')
    .option(
      '-p, --password-file <file>',
      'file that holds the password (default: $RESTIC_PASSWORD_FILE, then $RESTIC_PASSWORD)',
    )
    .option('--key-hint <id>', 'key to try first (default: $RESTIC_KEY_HINT)')
    .option('--json', 'print JSON for programs, one object a line')
    .option('-q, --quiet', 'print results and errors only');
}

/** Commands that take no lock accept the option all the same, as restic's do. */
export function withLockOption(command: Command, takesLock: boolean): Command {
  const option = new Option('--no-lock', 'read without a lock: for repositories that cannot be written to');
  return command.addOption(option.hideHelp(!takesLock));
}

/** For options that may be repeated. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

export function readOptionFile(file: string, what: string): string {
  try {
    // As restic: a newline at the end of the file is not part of it.
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const message = `The ${what} file "${file}" cannot be read: ${(cause as Error).message}.`;
    throw new AppError('invalid-input', { message, cause });
  }
}

function locationOf(options: CommonOptions): string {
  const file = options.repositoryFile ?? process.env.RESTIC_REPOSITORY_FILE;
  const location = options.repo ?? (file ? readOptionFile(file, 'location') : process.env.RESTIC_REPOSITORY);
  if (location) return location;
  throw new AppError('invalid-input', {
    message: 'No repository was given.',
    hint: 'Say which with -r <folder>, or set RESTIC_REPOSITORY.',
  });
}

const REMOTE = /^(s3|sftp|rest|azure|b2|gs|swift|rclone|ftp):/;

export function openStore(options: CommonOptions): Store {
  const location = locationOf(options);
  const remote = REMOTE.exec(location);
  if (remote) {
    throw new AppError('unsupported', {
      message: `Repositories on ${remote[1]} cannot be used from the command line yet.`,
      hint: 'Give a folder, or a mounted share.',
    });
  }
  return new LocalStore(location.replace(/^local:/, ''));
}

export async function passwordOf(options: CommonOptions, confirm = false): Promise<string> {
  const file = options.passwordFile ?? process.env.RESTIC_PASSWORD_FILE;
  const password = file
    ? readOptionFile(file, 'password')
    : (process.env.RESTIC_PASSWORD ?? (await askPassword(confirm)));
  if (password === '') {
    throw new AppError('invalid-input', {
      message: 'The password is empty.',
      hint: 'Put it into the file given with --password-file, or into RESTIC_PASSWORD.',
    });
  }
  return password;
}

export interface Session {
  repo: Repository;
  signal: AbortSignal;
  options: CommonOptions;
}

export interface SessionOptions {
  /** Open blobs in threads: for commands that read or write a lot. */
  threads?: boolean;
}

/** Opens, runs, closes. Ctrl-C cancels the work, which then gives back its lock; a second one ends at once. */
export async function inSession(
  options: CommonOptions,
  work: (session: Session) => Promise<void>,
  { threads }: SessionOptions = {},
): Promise<void> {
  await cancellable(async (signal) => {
    const store = openStore(options);
    let cpu: CpuPool | undefined;
    let repo: Repository | undefined;
    try {
      const password = await passwordOf(options);
      cpu = threads ? createCpuPool() : undefined;
      const keyHint = options.keyHint ?? process.env.RESTIC_KEY_HINT;
      repo = await openRepository(store, { password, keyHint, cpu, signal });
      await work({ repo, signal, options });
    } finally {
      await repo?.close();
      await cpu?.close();
      await store.close();
    }
  });
}

const INTERRUPTED = 130;

export async function cancellable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    process.stderr.write('\nStopping; press Ctrl-C again to stop at once.\n');
    controller.abort(new AppError('cancelled', 'Stopped on request.'));
  };
  // `ls … | head`: who read the output has seen enough. The work ends as on Ctrl-C, and nothing went wrong.
  let closedPipe = false;
  const onOutputError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closedPipe = true;
    controller.abort(error);
  };
  process.stdout.on('error', onOutputError);
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await work(controller.signal);
  } catch (error) {
    if (closedPipe) return;
    // Whatever failed after the signal failed because of it.
    if (controller.signal.aborted) throw new AppError('cancelled', { message: 'Stopped on request.', cause: error });
    throw error;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
