import { type Command, InvalidArgumentError } from 'commander';
import type { CheckFinding, CheckProgress, CheckResult } from '#lib/engine/types.ts';
import { checkRepository } from '#lib/engine/verbs/check.ts';
import { parseSubset, type ReadDataSubset } from '#lib/engine/verbs/check-subset.ts';
import { isAppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { bytes, counted, LiveLine, number, print, printJson } from './output.ts';
import { type CommonOptions, inSession, withCommonOptions, withLockOption } from './session.ts';

interface Options extends CommonOptions {
  readData?: boolean;
  readDataSubset?: ReadDataSubset;
  readDataNewest?: ReadDataSubset;
}

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
    .option('--read-data', 'also read and verify every byte')
    .option('--read-data-subset <subset>', 'read a part: n/t (2/7), a random share (2.5%) or size (500M)', subsetOf)
    .option('--read-data-newest <n>', 'read what the newest n snapshots use', newestOf);
  withLockOption(withCommonOptions(command), true).action((options: Options) =>
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
        const readDataSubset = options.readDataSubset ?? options.readDataNewest;
        const result = await checkRepository(repo, {
          readData,
          readDataSubset: readData ? undefined : readDataSubset,
          noLock: lock === false,
          onProgress,
          signal,
        });
        live.clear();
        for (const finding of result.findings) printFinding(finding, options);
        if (!result.ok) process.exitCode = EXIT.failed;
        if (options.json) {
          printJson({
            message_type: 'summary',
            num_errors: result.findings.filter(({ severity }) => severity === 'error').length,
            broken_packs: brokenPacks(result.findings),
            damaged_snapshots: result.damagedSnapshots,
            suggest_repair_index: result.findings.some(
              ({ kind }) => kind.endsWith('-index') || kind === 'wrong-layout',
            ),
            suggest_prune: result.findings.some(({ kind }) => kind === 'unreferenced-pack'),
          });
          return;
        }
        printResult(result, options);
      },
      { threads: true },
    ),
  );
}

function printResult(result: CheckResult, options: Options): void {
  const { ok, packs, blobs, snapshots, damagedSnapshots, bytesRead } = result;
  const didRead = options.readData || options.readDataSubset || options.readDataNewest;
  if (!options.quiet) {
    const read = didRead ? `, ${bytes(bytesRead)} read` : '';
    print(`Checked ${counted(snapshots, 'snapshot')}, ${counted(packs, 'pack')}, ${counted(blobs, 'blob')}${read}.`);
  }
  if (ok) {
    print('No errors were found.');
    if (!didRead && !options.quiet) print('Contents were not read; --read-data verifies every byte.');
    return;
  }
  print('The repository has errors; see above.');
  // Those that cannot be read are not among the snapshots that were checked.
  const all = snapshots + result.findings.filter(({ kind }) => kind === 'damaged-snapshot').length;
  const whole = all - damagedSnapshots.length;
  if (damagedSnapshots.length > 0) {
    const ids = damagedSnapshots.map((id) => id.slice(0, 8)).join(', ');
    print(
      `${whole === 0 ? 'None' : number(whole)} of the ${counted(all, 'snapshot')} restores completely; damaged: ${ids}.`,
    );
  } else print('Every snapshot restores completely all the same.');
  print(`Next: ${nextStep(result)}`);
}

/** The index first, since the other repairs go by it; packs before anything is cut out of snapshots. */
function nextStep({ findings }: CheckResult): string {
  const kinds = new Set(findings.filter(({ severity }) => severity === 'error').map(({ kind }) => kind));
  const has = (...some: string[]) => some.some((kind) => kinds.has(kind));
  const unlisted = findings.some(({ kind }) => kind === 'unreferenced-pack') && has('missing-blob', 'damaged-tree');
  if (unlisted || has('damaged-index', 'contradictory-index', 'wrong-layout', 'missing-pack', 'wrong-size'))
    return 'holdfast repo repair index';
  if (has('wrong-index')) return 'holdfast repo repair index --read-all-packs';
  const broken = new Set(findings.flatMap(({ kind, pack }) => (pack && PACK_DAMAGE.has(kind) ? [pack] : [])));
  if (broken.size > 0) return `holdfast repo repair packs ${[...broken].join(' ')}`;
  if (has('damaged-snapshot') && kinds.size === 1) return 'forget the snapshots whose file is damaged.';
  return 'back up again, which brings lost data back where the files are still there; then holdfast repo repair snapshots --forget';
}

const PACK_DAMAGE = new Set(['damaged-blob', 'damaged-pack', 'damaged-header', 'unreadable-pack']);

function subsetOf(text: string): ReadDataSubset {
  try {
    return parseSubset(text);
  } catch (error) {
    throw new InvalidArgumentError(isAppError(error) ? `${error.message} ${error.hint}` : String(error));
  }
}

function newestOf(text: string): ReadDataSubset {
  if (/^[1-9]\d{0,5}$/.test(text)) return { kind: 'newest', snapshots: Number(text) };
  throw new InvalidArgumentError('Give a number of snapshots.');
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
