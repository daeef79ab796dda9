import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type {
  BackupOptions,
  BackupProgress,
  BackupResult,
  Compression,
  Problem,
  SnapshotId,
} from '#lib/engine/types.ts';
import { backup } from '#lib/engine/verbs/backup.ts';
import { resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { AppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { bytes, counted, LiveLine, number, print, printJson } from './output.ts';
import { type CommonOptions, collect, inSession, withCommonOptions } from './session.ts';

interface Options extends CommonOptions {
  exclude?: string[];
  excludeFile?: string[];
  tag?: string[];
  host?: string;
  parent?: string;
  force?: boolean;
  compression?: Compression;
  iexclude?: string[];
  iexcludeFile?: string[];
  excludeCaches?: boolean;
  excludeIfPresent?: string[];
  excludeLargerThan?: number;
  oneFileSystem?: boolean;
  dryRun?: boolean;
  skipIfUnchanged?: boolean;
  time?: Date;
  stdin?: boolean;
  stdinFilename: string;
  stdinFromCommand?: boolean;
}

/** Problems that do not make a backup partial: nothing that could have been stored is missing. */
const HARMLESS = new Set(['unsupported', 'vanished']);

export function addBackup(repo: Command, version: string): void {
  const command = repo
    .command('backup')
    .description('store folders and files as a new snapshot')
    .argument('[path...]', 'folders or files; with --stdin-from-command the command and its arguments')
    .option('-e, --exclude <pattern>', 'leave out what fits (gitignore pattern; may be repeated)', collect)
    .option('--exclude-file <file>', 'read patterns from a file, one a line (may be repeated)', collect)
    .option('--tag <tags>', 'tags of the snapshot, separated by commas (may be repeated)', collect)
    .option('-H, --host <name>', 'host name of the snapshot (default: $RESTIC_HOST, then this machine)')
    .option('--parent <snapshot>', 'snapshot to compare with (default: the newest of the same host and paths)')
    .option('-f, --force', 'read everything again, compare with nothing')
    .option('--iexclude <pattern>', 'as --exclude, upper and lower case are the same', collect)
    .option('--iexclude-file <file>', 'as --exclude-file, upper and lower case are the same', collect)
    .option('--exclude-caches', 'keep only the tag of folders with a CACHEDIR.TAG')
    .option('--exclude-if-present <file[:header]>', 'keep only this file of folders that have it', collect)
    .option('--exclude-larger-than <size>', 'leave out larger files: 500k, 10M, 2G', sizeOf)
    .option('-x, --one-file-system', 'do not enter other file systems')
    .option('--stdin', 'store what comes on standard input as one file')
    .option('--stdin-filename <name>', 'its name in the snapshot', 'stdin')
    .option('--stdin-from-command', 'store what a command prints as one file; no snapshot when it fails')
    .option('-n, --dry-run', 'store nothing, say what would be stored')
    .option('--skip-if-unchanged', 'make no snapshot when nothing changed')
    .option('--time <time>', 'time of the snapshot, "2026-01-31 22:08:41" (default: now)', timeOf)
    .addOption(new Option('--compression <mode>', 'default auto').choices(['off', 'fastest', 'auto', 'better', 'max']));
  withCommonOptions(command).action((paths: string[], options: Options) => runBackup(paths, options, version));
}

async function runBackup(paths: string[], options: Options, version: string): Promise<void> {
  const excludes = [...(options.exclude ?? []), ...(options.excludeFile ?? []).flatMap(patternsOf)];
  await inSession(
    options,
    async ({ repo, signal }) => {
      const live = new LiveLine(Boolean(options.json || options.quiet));
      let partial = false;
      const onProblem = (problem: Problem) => {
        if (!HARMLESS.has(problem.during)) partial = true;
        printProblem(problem, options, live);
      };
      const parent = options.parent ? (await resolveSnapshot(repo, options.parent, { signal })).snapshot.id : 'auto';
      const asked: BackupOptions = {
        ...sourcesOf(paths, options),
        excludes,
        hostname: options.host ?? process.env.RESTIC_HOST ?? hostname(),
        tags: options.tag?.flatMap((tags) => tags.split(',')).filter((tag) => tag !== ''),
        parent: options.force ? 'none' : (parent as SnapshotId | 'auto'),
        programVersion: `holdfast ${version}`,
        compression: options.compression,
        insensitiveExcludes: [...(options.iexclude ?? []), ...(options.iexcludeFile ?? []).flatMap(patternsOf)],
        excludeCaches: options.excludeCaches,
        excludeIfPresent: options.excludeIfPresent?.map(tagFileOf),
        excludeLargerThan: options.excludeLargerThan,
        oneFileSystem: options.oneFileSystem,
        dryRun: options.dryRun,
        skipIfUnchanged: options.skipIfUnchanged,
        time: options.time,
        onProgress: (progress) => showProgress(progress, options, live),
        onProblem,
        signal,
      };
      const result = await backup(repo, asked);
      live.clear();
      printSummary(result, options, live.elapsed());
      if (partial) process.exitCode = EXIT.partial;
    },
    { threads: true },
  );
}

function sourcesOf(args: string[], options: Options): Pick<BackupOptions, 'paths' | 'streams'> {
  const { stdin, stdinFromCommand, stdinFilename } = options;
  if (!stdin && !stdinFromCommand) return { paths: args.map((path) => resolve(path)) };
  if (stdin && args.length > 0) {
    throw new AppError('invalid-input', 'With --stdin there are no paths: what comes on standard input is stored.');
  }
  const content = stdinFromCommand ? outputOf(args) : process.stdin;
  return { paths: [], streams: [{ path: resolve('/', stdinFilename), content }] };
}

/** What a command prints. Ends with an error when the command does. Its own complaints go to this terminal. */
async function* outputOf([program, ...args]: string[]): AsyncGenerator<Uint8Array> {
  if (program === undefined) {
    throw new AppError('invalid-input', 'Give the command after --stdin-from-command and two dashes: -- pg_dump mine');
  }
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<string | undefined>((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) => done(code === 0 ? undefined : `it ended with ${code ?? signal}`));
  });
  try {
    yield* child.stdout;
    const failure = await ended;
    if (failure !== undefined) {
      throw new AppError('unavailable', `The command "${program}" failed, no snapshot was made: ${failure}.`);
    }
  } finally {
    // Nobody reads on.
    if (child.exitCode === null) child.kill();
  }
}

const SIZE = /^(\d+)([kmgt]?)$/i;
const SIZE_UNITS = ['', 'k', 'm', 'g', 't'];

function sizeOf(text: string): number {
  const [, count, unit = ''] = SIZE.exec(text) ?? [];
  if (count === undefined)
    throw new InvalidArgumentError('A size is a number of bytes, or of k, M, G or T: 500k, 10M.');
  return Number(count) * 1024 ** SIZE_UNITS.indexOf(unit.toLowerCase());
}

function timeOf(text: string): Date {
  const time = new Date(text.replace(' ', 'T'));
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('Write it as "2026-01-31 22:08:41".');
  return time;
}

function tagFileOf(text: string): { name: string; header?: string } {
  const [name = '', ...header] = text.split(':');
  if (name === '' || name.includes('/')) {
    throw new AppError('invalid-input', `--exclude-if-present ${text}: give the name of a file, without its folder.`);
  }
  return { name, header: header.length > 0 ? header.join(':') : undefined };
}

function patternsOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `The exclude file "${file}" cannot be read: ${(cause as Error).message}.`;
    throw new AppError('invalid-input', { message, cause });
  }
  return text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

/** Problems go to stderr in both forms, as restic's do. */
export function printProblem(problem: Problem, options: CommonOptions, live: LiveLine): void {
  if (options.json) {
    const error = { message: problem.message };
    const line = { message_type: 'error', error, during: problem.during, item: problem.path };
    process.stderr.write(`${JSON.stringify(line)}\n`);
    return;
  }
  live.clear();
  process.stderr.write(`${problem.path}: ${problem.message}\n`);
}

function showProgress(progress: BackupProgress, options: Options, live: LiveLine): void {
  const { filesDone, bytesDone, totalFiles, totalBytes, currentPath, problems } = progress;
  if (options.json) {
    if (options.quiet) return;
    printJson({
      message_type: 'status',
      percent_done: totalBytes ? Math.min(1, bytesDone / totalBytes) : 0,
      total_files: totalFiles,
      files_done: filesDone,
      total_bytes: totalBytes,
      bytes_done: bytesDone,
      error_count: problems,
      current_files: currentPath ? [currentPath] : undefined,
    });
    return;
  }
  const of = totalBytes === undefined ? '' : ` of ${bytes(totalBytes)}`;
  const rate = live.elapsed() > 1000 ? `, ${bytes((bytesDone / live.elapsed()) * 1000)}/s` : '';
  const text = `${counted(filesDone, 'file')}, ${bytes(bytesDone)}${of}${rate}`;
  live.show({ done: bytesDone, total: totalBytes, text, currentPath });
}

function printSummary({ snapshot, summary, problemCount }: BackupResult, options: Options, ms: number): void {
  if (options.json) {
    const { backup_start, backup_end } = summary;
    const total_duration = (Date.parse(backup_end) - Date.parse(backup_start)) / 1000;
    printJson({
      message_type: 'summary',
      ...summary,
      total_duration,
      dry_run: options.dryRun,
      snapshot_id: snapshot?.id,
    });
    return;
  }
  if (!options.quiet) {
    const { files_new, files_changed, files_unmodified, dirs_new, dirs_changed, dirs_unmodified } = summary;
    print(
      `Files:   ${number(files_new)} new, ${number(files_changed)} changed, ${number(files_unmodified)} unmodified`,
    );
    print(`Folders: ${number(dirs_new)} new, ${number(dirs_changed)} changed, ${number(dirs_unmodified)} unmodified`);
    print(`Added:   ${bytes(summary.data_added)} (${bytes(summary.data_added_packed)} stored)`);
    const rate = bytes((summary.total_bytes_processed / ms) * 1000);
    print(
      `Done:    ${counted(summary.total_files_processed, 'file')}, ${bytes(summary.total_bytes_processed)} in ${(ms / 1000).toFixed(1)} s, ${rate}/s`,
    );
  }
  if (problemCount > 0) print(`${counted(problemCount, 'problem')}: see above.`);
  if (snapshot) print(`snapshot ${snapshot.id.slice(0, 8)} saved`);
  else if (options.dryRun) print('Nothing was stored: this was a dry run.');
  else print('Nothing changed since the previous snapshot; no new one was made.');
}
