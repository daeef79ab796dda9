import { type Command, Option } from 'commander';
import type { Snapshot } from '#lib/engine/types.ts';
import { underSharedLock } from '#lib/engine/verbs/ls-lock.ts';
import { listSnapshots, resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { countSnapshots, type SnapshotStats, STATS_MODES, type StatsMode } from '#lib/engine/verbs/stats-count.ts';
import { bytes, number, print, printJson } from './output.ts';
import { type FilterOptions, filterOf, partialOn, withFilterOptions } from './repo-read.ts';
import { inSession } from './session.ts';

const MODE_HELP = `
Modes:
  restore-size       what a restore of each snapshot would write
  files-by-contents  files of different content, each once
  blobs-per-file     blobs, each once for every path that uses it
  raw-data           blobs as they are stored, each once`;

export function addStats(repo: Command): void {
  const command = repo
    .command('stats')
    .description('count what the snapshots hold')
    .argument('[snapshot...]', 'only these: ids or their first digits, or "latest" (default: all that fit)')
    .addOption(new Option('--mode <mode>', 'what to count').choices(STATS_MODES).default('restore-size'))
    .addHelpText('after', MODE_HELP);
  withFilterOptions(command, true).action((ids: string[], options: FilterOptions & { mode: StatsMode }) =>
    inSession(
      options,
      ({ repo, signal }) =>
        underSharedLock(repo, { noLock: options.lock === false, signal }, async (held) => {
          const onProblem = partialOn(options);
          const filter = { ...filterOf(options), signal: held };
          const chosen = new Map<string, Snapshot>();
          for (const id of ids) {
            const { snapshot } = await resolveSnapshot(repo, id, filter);
            chosen.set(snapshot.id, snapshot);
          }
          const snapshots = ids.length > 0 ? [...chosen.values()] : await listSnapshots(repo, { ...filter, onProblem });
          const stats = await countSnapshots(repo, snapshots, options.mode, { onProblem, signal: held });
          if (options.json) printJson(statsJson(stats));
          else printStats(stats);
        }),
      { threads: true },
    ),
  );
}

function rates({ totalSize, uncompressed }: SnapshotStats) {
  if (!uncompressed) return undefined;
  const { total, compressible, compressed } = uncompressed;
  return {
    total_uncompressed_size: total,
    compression_ratio: compressed === 0 ? undefined : compressible / compressed,
    compression_progress: total === 0 ? undefined : (compressible / total) * 100,
    compression_space_saving: total === 0 ? undefined : (1 - totalSize / total) * 100,
  };
}

function statsJson(stats: SnapshotStats) {
  const { totalSize, files, blobs, snapshots } = stats;
  const counts = { total_file_count: files, total_blob_count: blobs, snapshots_count: snapshots };
  return { total_size: totalSize, ...rates(stats), ...counts };
}

function printStats(stats: SnapshotStats): void {
  const { mode, snapshots, files, blobs, totalSize } = stats;
  const line = (title: string, value: string) => print(`${title.padEnd(20)}${value}`);
  line('Counted', mode);
  line('Snapshots', number(snapshots));
  if (files !== undefined) line(mode === 'restore-size' ? 'Files and folders' : 'Files', number(files));
  if (blobs !== undefined) line('Blobs', number(blobs));
  const compression = rates(stats);
  if (compression) {
    line('Uncompressed', bytes(compression.total_uncompressed_size));
    if (compression.compression_ratio !== undefined) {
      line(
        'Compression',
        `${compression.compression_ratio.toFixed(2)} to 1, saves ${compression.compression_space_saving?.toFixed(1)} %`,
      );
    }
  }
  line(mode === 'raw-data' ? 'Stored' : 'Size', bytes(totalSize));
}
