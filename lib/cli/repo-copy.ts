// `repo copy`, and the second repository that it and `repo init --copy-chunker-params` read from.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Repository } from '#lib/engine/repository/repository.ts';
import { type CopyResult, copySnapshots } from '#lib/engine/verbs/copy.ts';
import { openRepository } from '#lib/engine/verbs/open.ts';
import { AppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { bytes, counted, LiveLine, number, print, printJson } from './output.ts';
import { askPassword } from './password.ts';
import { type FilterOptions, filterOf, withFilterOptions } from './repo-read.ts';
import { chosenSnapshots } from './repo-repair.ts';
import { inSession, openStore, passwordOf } from './session.ts';

export interface FromOptions {
  fromRepo?: string;
  fromRepositoryFile?: string;
  fromPasswordFile?: string;
}

export function withFromOptions(command: Command): Command {
  return command
    .option('--from-repo <location>', 'the other repository (default: $RESTIC_FROM_REPOSITORY)')
    .option('--from-repository-file <file>', 'file that holds its location (default: $RESTIC_FROM_REPOSITORY_FILE)')
    .option('--from-password-file <file>', 'file that holds its password (default: $RESTIC_FROM_PASSWORD_FILE)');
}

function fromLocation(options: FromOptions): string {
  const file = options.fromRepositoryFile ?? process.env.RESTIC_FROM_REPOSITORY_FILE;
  const location = options.fromRepo ?? (file ? contentOf(file) : process.env.RESTIC_FROM_REPOSITORY);
  if (location) return location;
  throw new AppError('invalid-input', {
    message: 'No repository to read from was given.',
    hint: 'Say which with --from-repo <folder>, or set RESTIC_FROM_REPOSITORY.',
  });
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const message = `The location file "${file}" cannot be read: ${(cause as Error).message}.`;
    throw new AppError('invalid-input', { message, cause });
  }
}

async function fromPassword(options: FromOptions): Promise<string> {
  const passwordFile = options.fromPasswordFile ?? process.env.RESTIC_FROM_PASSWORD_FILE;
  if (passwordFile) return passwordOf({ passwordFile });
  const hint = 'Give it with --from-password-file or RESTIC_FROM_PASSWORD_FILE.';
  return askPassword(false, 'Password of the repository to read from: ', hint);
}

/** Opens the other repository for the time of `work`. */
export async function withFromRepository<T>(
  options: FromOptions,
  { cpu, signal }: { cpu?: Repository['cpu']; signal: AbortSignal },
  work: (from: Repository) => Promise<T>,
): Promise<T> {
  const store = openStore({ repo: fromLocation(options) });
  try {
    const from = await openRepository(store, { password: await fromPassword(options), cpu, signal });
    try {
      return await work(from);
    } finally {
      await from.close();
    }
  } finally {
    await store.close();
  }
}

type Options = FilterOptions & FromOptions;

export function addCopy(repo: Command): void {
  const command = repo
    .command('copy')
    .description('copy snapshots from another repository into this one')
    .argument('[snapshot...]', 'ids in the other repository, or their first digits (default: all)');
  withFilterOptions(withFromOptions(command), true).action((ids: string[], options: Options) =>
    inSession(
      options,
      ({ repo, signal }) =>
        withFromRepository(options, { cpu: repo.cpu, signal }, async (from) => {
          const live = new LiveLine(Boolean(options.json || options.quiet));
          const result = await copySnapshots(from, repo, {
            snapshots:
              ids.length > 0 ? await chosenSnapshots({ repo: from, signal, options }, ids, options) : undefined,
            filter: ids.length > 0 ? undefined : filterOf(options),
            noSourceLock: options.lock === false,
            signal,
            onProgress: ({ bytesDone, bytesFound, snapshotsDone, snapshotsTotal }) =>
              live.show({
                done: bytesDone,
                total: bytesFound,
                text: `${snapshotsDone} of ${counted(snapshotsTotal, 'snapshot')}, ${bytes(bytesDone)}`,
              }),
          });
          live.clear();
          printResult(result, options);
        }),
      { threads: true },
    ),
  );
}

function printResult(result: CopyResult, options: Options): void {
  const { copied, skipped, failed, blobs, storedBytes, sameChunker } = result;
  if (failed.length > 0) process.exitCode = EXIT.partial;
  if (options.json) {
    const pairs = (list: CopyResult['copied']) =>
      list.map(({ source, copy }) => ({ source: source.id, copy: copy.id }));
    const failures = failed.map(({ source, message }) => ({ source: source?.id, message }));
    printJson({
      message_type: 'summary',
      copied: pairs(copied),
      skipped: pairs(skipped),
      failed: failures,
      blobs,
      data_added_packed: storedBytes,
    });
    return;
  }
  for (const { source, message } of failed) {
    process.stderr.write(`error: ${source ? `Snapshot ${source.id.slice(0, 8)} was not copied: ` : ''}${message}\n`);
  }
  if (!options.quiet) {
    for (const { source, copy } of copied) print(`Snapshot ${source.id.slice(0, 8)} copied as ${copy.id.slice(0, 8)}.`);
    for (const { source, copy } of skipped)
      print(`Snapshot ${source.id.slice(0, 8)} is there already as ${copy.id.slice(0, 8)}.`);
  }
  print(`Copied ${counted(copied.length, 'snapshot')}: ${number(blobs)} new blobs, ${bytes(storedBytes)} stored.`);
  if (!sameChunker && copied.length > 0 && !options.quiet) {
    print('The two repositories cut files differently: copies share no data with backups made here. A new repository');
    print('made with "init --from-repo ... --copy-chunker-params" would.');
  }
}
