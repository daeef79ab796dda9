import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Repository } from '#lib/engine/repository/repository.ts';
import type { PathText, Problem, RestoreOverwrite, RestoreProgress, Snapshot } from '#lib/engine/types.ts';
import { matchesPattern } from '#lib/engine/verbs/find.ts';
import { findFolder, walkTree } from '#lib/engine/verbs/ls-walk.ts';
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
  host?: string;
  tag?: string[];
  path?: string[];
  overwrite: RestoreOverwrite;
  dryRun?: boolean;
  verify?: boolean;
}

export function addRestore(repo: Command): void {
  const command = repo
    .command('restore')
    .description('write a snapshot, or a part of it, to a folder')
    .argument('<snapshot>', '"latest", an id or its first digits; with ":<folder>" that folder becomes the target')
    .requiredOption('-t, --target <folder>', 'folder to restore to')
    .option('-i, --include <pattern>', 'only what fits: a path, or a name with * and ? (may be repeated)', collect)
    .addOption(
      new Option('--overwrite <when>', 'what to do with files that are there already')
        .choices(['always', 'if-changed', 'if-newer', 'never'])
        .default('always'),
    )
    .option('-n, --dry-run', 'show what would be done, do nothing')
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
      const onProgress = (progress: RestoreProgress) => showProgress(progress, options, live);
      const include = await expandPatterns(repo, snapshot, folder, options.include ?? [], signal);
      const { overwrite, verify } = options;
      const target = resolve(options.target);
      const asked = {
        snapshot: snapshot.id,
        include,
        target,
        strip: folder,
        overwrite,
        verify,
        onProgress,
        onProblem,
        signal,
      };
      const plan = await planRestore(repo, asked);
      live.clear();
      if (options.dryRun) printPlan(plan, options);
      else await execute(plan, options, live);
      if (partial) process.exitCode = EXIT.partial;
    }),
  );
}

/** Patterns become the paths they fit; plain paths stay, so that one that does not exist is an error. */
async function expandPatterns(
  repo: Repository,
  snapshot: Snapshot,
  folder: PathText,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<PathText[]> {
  const plain = patterns.filter((pattern) => pattern.startsWith('/') && !/[*?[]/.test(pattern));
  const globs = patterns.filter((pattern) => !plain.includes(pattern));
  const below = folder === '/' ? '' : folder.replace(/\/+$/, '');
  // As in restic, patterns are relative to the folder after the colon.
  const paths = plain.map((path) => (path.startsWith(`${below}/`) ? path : below + path));
  if (globs.length === 0) return paths;
  const found: PathText[] = [];
  const tree = await findFolder(repo, snapshot.tree, folder, signal);
  for await (const { path } of walkTree(repo, tree, { path: folder, signal })) {
    if (globs.some((pattern) => matchesPattern(path.slice(below.length), pattern))) found.push(path);
  }
  if (found.length === 0 && paths.length === 0) {
    throw new AppError('not-found', `Nothing in snapshot ${snapshot.id.slice(0, 8)} fits ${globs.join(', ')}.`);
  }
  return [...paths, ...found];
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
  const { filesRestored, bytesRestored, filesKept, filesVerified, problemCount } = result;
  if (options.json) {
    printJson({
      message_type: 'summary',
      seconds_elapsed: Math.round(live.elapsed() / 1000),
      total_files: filesRestored + filesKept,
      files_restored: filesRestored,
      files_skipped: filesKept,
      files_verified: filesVerified,
      bytes_restored: bytesRestored,
      error_count: problemCount,
    });
    return;
  }
  const seconds = (live.elapsed() / 1000).toFixed(1);
  print(`Restored ${counted(filesRestored, 'file')}, ${bytes(bytesRestored)}, to ${plan.targetPath} in ${seconds} s.`);
  if (filesKept > 0) print(`Kept ${counted(filesKept, 'file')} that were as in the snapshot or not to be overwritten.`);
  if (options.verify) print(`Verified ${counted(filesVerified, 'file')}.`);
  if (problemCount > 0) print(`${counted(problemCount, 'problem')}: see above.`);
}

function printPlan(plan: RestorePlan, options: Options): void {
  const { create, overwrite, keep, extra, unsupported } = plan.summary;
  const page = 1000;
  for (let offset = 0; ; offset += page) {
    const changes = plan.changes({ offset, limit: page });
    for (const { action, target, size, reason } of changes) {
      if (options.json) printJson({ message_type: 'verbose_status', action, item: target, size, reason });
      else if (action !== 'keep') print(`${action.padEnd(11)} ${target}${reason ? ` (${reason})` : ''}`);
    }
    if (changes.length < page) break;
  }
  if (options.json) {
    printJson({ message_type: 'summary', dry_run: true, ...plan.summary });
    return;
  }
  print(
    `Would create ${create.count} (${bytes(create.bytes)}), overwrite ${overwrite.count} (${bytes(overwrite.bytes)}),`,
  );
  print(
    `keep ${keep.count} (${bytes(keep.bytes)}) and leave out ${unsupported.count}; ${extra.count} others in the target stay.`,
  );
}
