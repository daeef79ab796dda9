// Restores what a spent plan described. Every target is looked at again before it is written: the plan may be minutes old.

import type { CpuPool } from '#lib/engine/cpu/pool.ts';
import { pathTextFromBytes } from '#lib/engine/format/path-text.ts';
import type { RestoreProgress } from '#lib/engine/types.ts';
import { planRestore } from '#lib/engine/verbs/restore.ts';
import { openVault } from '#lib/services/open-vault.ts';
import type { RunEnd, RunTask } from '#lib/services/run-execution.ts';
import { refuseOwnFolders } from '#lib/sources/directory/own-folders.ts';
import { ownFolders } from './own-folders.ts';
import { shownProblems } from './problems.ts';
import { restoreOptions } from './restore-options.ts';

export async function runRestore(
  { input, signal, report }: RunTask<'restore'>,
  { workerId, cpu }: { workerId: string; cpu: CpuPool },
): Promise<RunEnd> {
  const { vaultId, options } = await restoreOptions(input.request, workerId);
  const open = await openVault(vaultId, { cpu, signal });
  try {
    await refuseOwnFolders(options.target, ownFolders(open.vault.store));
    report.log('info', `Restoring snapshot ${options.snapshot.slice(0, 8)} of the vault "${open.vault.name}".`);
    const callbacks = {
      onProgress: ({ totalFiles, totalBytes, ...counters }: RestoreProgress) =>
        report.progress({ ...counters, filesTotal: totalFiles, bytesTotal: totalBytes }),
      signal,
    };
    const plan = await planRestore(open.repository, {
      ...options,
      ...callbacks,
      onProblem: (problem) => report.problem(problem),
    });
    const { create, overwrite, keep } = plan.summary;
    report.log(
      'info',
      `Into "${plan.targetPath}": ${create.count} new, ${overwrite.count} overwritten, ${keep.count} kept.`,
    );
    const done = await plan.execute(callbacks);
    return {
      result: {
        kind: 'restore',
        targetPath: pathTextFromBytes(Buffer.from(plan.targetPath)),
        filesRestored: done.filesRestored,
        filesKept: done.filesKept,
        filesVerified: done.filesVerified,
        bytes: done.bytesRestored,
        problemCount: done.problemCount,
        problems: shownProblems(done.problems),
      },
    };
  } finally {
    await open.close();
  }
}
