import type { Command } from 'commander';
import type { CheckFinding, CheckProgress } from '#lib/engine/types.ts';
import { checkRepository } from '#lib/engine/verbs/check.ts';
import { EXIT } from './exit.ts';
import { bytes, counted, LiveLine, print, printJson } from './output.ts';
import { type CommonOptions, inSession, withCommonOptions, withLockOption } from './session.ts';

const PHASES: Record<CheckProgress['phase'], string> = {
  index: 'reading index files',
  packs: 'looking at packs',
  data: 'reading packs',
  snapshots: 'following snapshots',
};

export function addCheck(repo: Command): void {
  const command = repo
    .command('check')
    .description('verify the repository')
    .option('--read-data', 'also read and verify every byte');
  withLockOption(withCommonOptions(command), true).action((options: CommonOptions & { readData?: boolean }) =>
    inSession(
      options,
      async ({ repo, signal }) => {
        const live = new LiveLine(Boolean(options.json || options.quiet));
        const onProgress = ({ phase, done, total, bytesDone, bytesTotal }: CheckProgress) => {
          const amount = phase === 'data' ? `, ${bytes(bytesDone)} of ${bytes(bytesTotal)}` : '';
          live.show({
            done: phase === 'data' ? bytesDone : done,
            total: phase === 'data' ? bytesTotal : total,
            text: PHASES[phase] + amount,
          });
        };
        const { readData, lock } = options;
        const result = await checkRepository(repo, { readData, noLock: lock === false, onProgress, signal });
        live.clear();
        for (const finding of result.findings) printFinding(finding, options);
        if (!result.ok) process.exitCode = EXIT.failed;
        if (options.json) {
          printJson({
            message_type: 'summary',
            num_errors: result.findings.filter(({ severity }) => severity === 'error').length,
            broken_packs: brokenPacks(result.findings),
            suggest_repair_index: result.findings.some(({ kind }) => kind.endsWith('-index')),
            suggest_prune: result.findings.some(({ kind }) => kind === 'unreferenced-pack'),
          });
          return;
        }
        const { packs, blobs, snapshots, bytesRead } = result;
        if (!options.quiet) {
          const read = options.readData ? `, ${bytes(bytesRead)} read` : '';
          print(
            `Checked ${counted(snapshots, 'snapshot')}, ${counted(packs, 'pack')}, ${counted(blobs, 'blob')}${read}.`,
          );
        }
        print(result.ok ? 'No errors were found.' : 'The repository has errors; see above.');
        if (result.ok && !options.readData && !options.quiet) {
          print('Contents were not read; --read-data verifies every byte.');
        }
      },
      { threads: true },
    ),
  );
}

function brokenPacks(findings: readonly CheckFinding[]): string[] {
  return [...new Set(findings.flatMap(({ pack, severity }) => (pack && severity === 'error' ? [pack] : [])))];
}

function printFinding({ severity, kind, message, pack, snapshot, path }: CheckFinding, options: CommonOptions): void {
  if (options.json) {
    const line = { message_type: severity, message, kind, pack, snapshot, path };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  } else if (severity === 'error' || !options.quiet) {
    const where = snapshot ? ` (snapshot ${snapshot.slice(0, 8)})` : '';
    process.stderr.write(`${severity}: ${message}${where}\n`);
  }
}
