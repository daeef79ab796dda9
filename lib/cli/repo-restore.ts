import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { PathText, Problem, RestoreOverwrite, RestorePatterns, RestoreProgress } from '#lib/engine/types.ts';
import { planRestore, type RestorePlan } from '#lib/engine/verbs/restore.ts';
import { resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { AppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { bytes, counted, LiveLine, print, printJson } from './output.ts';
import { printProblem } from './repo-backup.ts';
import { filterOf } from './repo-read.ts';
import { type CommonOptions, collect, inSession, withCommonOptions, withLockOption } from './session.ts';

interface Options extends CommonOptions {
  target: string;
  include?: string[];
  exclude?: string[];
  iinclude?: string[];
  iexclude?: string[];
  includeFile?: string[];
  excludeFile?: string[];
  iincludeFile?: string[];
  iexcludeFile?: string[];
  host?: string;
  tag?: string[];
  path?: string[];
  overwrite: RestoreOverwrite;
  delete?: boolean;
  sparse?: boolean;
  dryRun?: boolean;
  verify?: boolean;
  verbose: number;
}

export function addRestore(repo: Command): void {
  const command = repo
    .command('restore')
    .description('write a snapshot, or a part of it, to a folder')
    .argument('<snapshot>', '"latest", an id or its first digits; with ":<folder>" that folder becomes the target')
    .requiredOption('-t, --target <folder>', 'folder to restore to')
    .option('-i, --include <pattern>', 'only what fits: a path, or names with * ? and ** (may be repeated)', collect)
    .option('-e, --exclude <pattern>', 'all but what fits (may be repeated)', collect)
    .option('--iinclude <pattern>', 'as --include, with upper and lower case the same', collect)
    .option('--iexclude <pattern>', 'as --exclude, with upper and lower case the same', collect)
    .option('--include-file <file>', 'read patterns from a file, one a line (may be repeated)', collect)
    .option('--exclude-file <file>', 'the same for --exclude', collect)
    .option('--iinclude-file <file>', 'the same for --iinclude', collect)
    .option('--iexclude-file <file>', 'the same for --iexclude', collect)
    .addOption(
      new Option('--overwrite <when>', 'what to do with files that are there already')
        .choices(['always', 'if-changed', 'if-newer', 'never'])
        .default('always'),
    )
    .option('--delete', 'remove what the restored folders have and the snapshot has not')
    .option('--sparse', 'leave out zeros, so that they take no room')
    .option('-n, --dry-run', 'show what would be done, do nothing')
    .option('-v, --verbose', 'with --dry-run: twice also shows what stays as it is', (_, level: number) => level + 1, 0)
    .option('--verify', 'read back what was written and compare')
    .option('-H, --host <name>', 'with "latest": only snapshots of this host')
    .option('--tag <tag>', 'with "latest": only snapshots with this tag (may be repeated)', collect)
    .option('--path <path>', 'with "latest": only snapshots of this path (may be repeated)', collect);
  withLockOption(withCommonOptions(command), true).action((reference: string, options: Options) =>
    inSession(options, async ({ repo, signal }) => {
      const live = new LiveLine(Boolean(options.json || options.quiet));
      const { snapshot, folder } = await resolveSnapshot(repo, reference, { ...filterOf(options), signal });
      let partial = false;
      const onProblem = (problem: Problem) => {
        partial = true;
        printProblem(problem, options, live);
      };
      const plan = await planRestore(repo, {
        snapshot: snapshot.id,
        target: resolve(options.target),
        strip: folder,
        ...chosenBy(options, folder),
        overwrite: options.overwrite,
        delete: options.delete,
        sparse: options.sparse,
        verify: options.verify,
        executeNext: !options.dryRun,
        onProgress: (progress) => showProgress(progress, options, live),
        onProblem,
        signal,
      });
      live.clear();
      if (options.dryRun) printPlan(plan, options);
      else await execute(plan, options, live);
      if (partial) process.exitCode = EXIT.partial;
    }),
  );
}

/** A plain path is looked for, so that one that does not exist is an error; everything else is a pattern. */
function chosenBy(options: Options, folder: PathText): { include: PathText[]; patterns: RestorePatterns } {
  const include = withFiles(options.include, options.includeFile);
  const isPlain = (pattern: string) => pattern.startsWith('/') && !/[*?[\\]/.test(pattern);
  const below = folder === '/' ? '' : folder.replace(/\/+$/, '');
  return {
    // As in restic, patterns are relative to the folder after the colon.
    include: include.filter(isPlain).map((path) => (path.startsWith(`${below}/`) ? path : below + path)),
    patterns: {
      include: include.filter((pattern) => !isPlain(pattern)),
      exclude: withFiles(options.exclude, options.excludeFile),
      includeAnyCase: withFiles(options.iinclude, options.iincludeFile),
      excludeAnyCase: withFiles(options.iexclude, options.iexcludeFile),
    },
  };
}

function withFiles(patterns: readonly string[] = [], files: readonly string[] = []): string[] {
  return [...patterns, ...files.flatMap(patternsOf)];
}

/** One pattern a line; empty lines and those that start with # say nothing. */
function patternsOf(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  } catch (cause) {
    const message = `The file of patterns "${file}" cannot be read: ${(cause as Error).message}.`;
    throw new AppError('invalid-input', { message, cause });
  }
}

function showProgress(progress: RestoreProgress, options: Options, live: LiveLine): void {
  const { phase, filesDone, totalFiles, bytesDone, totalBytes, currentPath } = progress;
  if (options.json) {
    if (options.quiet || phase === 'planning') return;
    printJson({
      message_type: 'status',
      phase,
      percent_done: totalBytes ? bytesDone / totalBytes : 0,
      total_files: totalFiles,
      files_restored: filesDone,
      total_bytes: totalBytes,
      bytes_restored: bytesDone,
    });
    return;
  }
  if (phase === 'planning')
    live.show({
      done: 0,
      text: `looking at ${counted(totalFiles, 'entry').replace('entrys', 'entries')}`,
      currentPath,
    });
  else if (phase === 'verifying') live.show({ done: 0, text: 'verifying', currentPath });
  else {
    const text = `${filesDone} of ${counted(totalFiles, 'file')}, ${bytes(bytesDone)} of ${bytes(totalBytes)}`;
    live.show({ done: bytesDone, total: totalBytes, text, currentPath });
  }
}

async function execute(plan: RestorePlan, options: Options, live: LiveLine): Promise<void> {
  const result = await plan.execute({ noLock: options.lock === false });
  live.clear();
  const { filesRestored, bytesRestored, filesKept, filesVerified, entriesDeleted, problemCount } = result;
  if (options.json) {
    printJson({
      message_type: 'summary',
      seconds_elapsed: Math.round(live.elapsed() / 1000),
      total_files: filesRestored + filesKept,
      files_restored: filesRestored,
      files_skipped: filesKept,
      files_verified: filesVerified,
      files_deleted: entriesDeleted,
      bytes_restored: bytesRestored,
      error_count: problemCount,
    });
    return;
  }
  const seconds = (live.elapsed() / 1000).toFixed(1);
  print(`Restored ${counted(filesRestored, 'file')}, ${bytes(bytesRestored)}, to ${plan.targetPath} in ${seconds} s.`);
  if (filesKept > 0) print(`Kept ${counted(filesKept, 'file')} that were as in the snapshot or not to be overwritten.`);
  if (entriesDeleted) print(`Deleted ${counted(entriesDeleted, 'entry').replace('entrys', 'entries')}.`);
  if (options.verify) print(`Verified ${counted(filesVerified, 'file')}.`);
  if (problemCount > 0) print(`${counted(problemCount, 'problem')}: see above.`);
}

function printPlan(plan: RestorePlan, options: Options): void {
  const { create, overwrite, keep, extra, unsupported, delete: deleted } = plan.summary;
  const show = (action: string, target: PathText, size: number | undefined, reason?: string) => {
    if (options.json) printJson({ message_type: 'verbose_status', action, item: target, size, reason });
    else if (action !== 'keep' || options.verbose > 1)
      print(`${action.padEnd(11)} ${target}${reason ? ` (${reason})` : ''}`);
  };
  const page = 1000;
  for (let offset = 0, shown = page; shown === page; offset += page) {
    const changes = plan.changes({ offset, limit: page });
    for (const { action, target, size, reason } of changes) show(action, target, size, reason);
    shown = changes.length;
  }
  for (let offset = 0, shown = page; shown === page; offset += page) {
    const removals = plan.removals({ offset, limit: page });
    for (const { target, type } of removals)
      show('delete', target, undefined, type === 'dir' ? 'with its content' : '');
    shown = removals.length;
  }
  if (options.json) {
    printJson({ message_type: 'summary', dry_run: true, ...plan.summary });
    return;
  }
  print(
    `Would create ${create.count} (${bytes(create.bytes)}), overwrite ${overwrite.count} (${bytes(overwrite.bytes)}),`,
  );
  const others = deleted ? `, delete ${deleted.count}` : '';
  print(
    `keep ${keep.count} (${bytes(keep.bytes)})${others} and leave out ${unsupported.count}; ${extra.count} others in the target stay.`,
  );
}
