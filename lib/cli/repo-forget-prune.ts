// prune: deletes data no snapshot refers to any more.

import { type Command, Option } from 'commander';
import type { HeldLock } from '#lib/engine/repository/lock.ts';
import type { SnapshotId } from '#lib/engine/types.ts';
import {
  executePrune,
  type PrunePlan,
  type PruneProgress,
  type PruneResult,
  parseMaxUnused,
  parseSize,
  planPrune,
} from '#lib/engine/verbs/prune.ts';
import type { PruneLimits } from '#lib/engine/verbs/prune-summary.ts';
import { AppError } from '#lib/errors.ts';
import { EXIT } from './exit.ts';
import { bytes, counted, LiveLine, number, print, printJson } from './output.ts';
import { type CommonOptions, inSession, type Session, withCommonOptions, withLockOption } from './session.ts';

export interface PruneCliOptions extends CommonOptions {
  dryRun?: boolean;
  maxUnused: string;
  maxRepackSize?: string;
  repackSmallerThan?: string;
  repackUncompressed?: boolean;
}

/** Also forget's, with --prune. */
export function withPruneOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--max-unused <limit>',
        'unused data that may stay: bytes (k, M, G, T), a share in %, or "unlimited"',
      ).default('5%'),
    )
    .option('--max-repack-size <size>', 'carry over no more than this much data (k, M, G, T)')
    .option('--repack-smaller-than <size>', 'put packs smaller than this together')
    .option('--repack-uncompressed', 'compress data that is not compressed yet');
}

export function limitsOf(options: PruneCliOptions): PruneLimits {
  const size = (text: string | undefined) => (text === undefined ? undefined : parseSize(text));
  return {
    maxUnused: parseMaxUnused(options.maxUnused),
    maxRepackBytes: size(options.maxRepackSize),
    repackSmallerThan: size(options.repackSmallerThan),
    repackUncompressed: options.repackUncompressed,
  };
}

/** Done, but not all of it: restic's exit code 3. */
export function tell({ code, message, hint }: AppError, options: CommonOptions): void {
  process.exitCode = EXIT.partial;
  const text = options.json ? JSON.stringify({ message_type: 'error', error: { message, code } }) : message;
  process.stderr.write(`${text}\n${hint && !options.json ? `  ${hint}\n` : ''}`);
}

export function addPrune(repo: Command): void {
  const command = repo
    .command('prune')
    .description('delete data that no snapshot needs any more')
    .option('-n, --dry-run', 'only show what would be deleted');
  withLockOption(withCommonOptions(withPruneOptions(command)), true).action((options: PruneCliOptions) =>
    inSession(
      options,
      async (session) => {
        const limits = limitsOf(options);
        if (options.lock === false && !options.dryRun) {
          throw new AppError('invalid-input', 'Pruning needs a lock; --no-lock goes with --dry-run only.');
        }
        const lock = options.dryRun ? undefined : await session.repo.lock('exclusive', { signal: session.signal });
        try {
          await prune(session, options, limits, lock);
        } finally {
          await lock?.release();
        }
      },
      { threads: true },
    ),
  );
}

const PHASES: Record<PruneProgress['phase'], string> = {
  index: 'reading index files',
  trees: 'looking for used data',
  packs: 'looking at packs',
  unreferenced: 'deleting packs no index names',
  repack: 'carrying over what is needed',
  'rewrite-index': 'writing the index',
  'delete-index': 'deleting old index files',
  'delete-packs': 'deleting packs',
};

/** Under `lock`, or only as a plan. */
export async function prune(
  { repo, signal }: Session,
  options: PruneCliOptions,
  limits: PruneLimits & { without?: SnapshotId[] },
  lock: HeldLock | undefined,
): Promise<void> {
  const live = new LiveLine(Boolean(options.json || options.quiet));
  const onProgress = ({ phase, done, total }: PruneProgress) => {
    const amount = total > 0 ? `, ${number(done)} of ${number(total)}` : done > 0 ? `, ${number(done)} folders` : '';
    live.show({ done, total, text: PHASES[phase] + amount });
  };
  const plan = await planPrune(repo, { ...limits, lock, noLock: options.lock === false, onProgress, signal });
  live.clear();
  if (!options.json && !options.quiet) printPlan(plan);
  const result = lock ? await executePrune(repo, plan, { lock, onProgress, signal }) : undefined;
  live.clear();
  if (options.json)
    printJson({ message_type: 'summary', dry_run: !lock, ...jsonPlan(plan), ...(result && jsonResult(result)) });
  else if (result) print(plan.isEmpty ? 'Nothing to prune.' : `Deleted ${counted(result.deletedPacks, 'pack')}.`);
  else print(plan.isEmpty ? 'Nothing would be pruned.' : 'Nothing was changed: this was a dry run.');
  if (result?.failure) tell(result.failure, options);
}

function printPlan({ summary }: PrunePlan): void {
  const { used, duplicate, unused, remove, repack, repackRemove, packs } = summary;
  const line = (what: string, blobs: number, size: number, note = '') =>
    print(`${what.padEnd(22)}${number(blobs).padStart(12)} blobs  ${bytes(size).padStart(11)}${note}`);
  line('Used', used.blobs, used.bytes);
  if (duplicate.blobs > 0) line('Second copies', duplicate.blobs, duplicate.bytes);
  line('Not needed', unused.blobs, unused.bytes);
  line('To delete', remove.blobs + repackRemove.blobs, remove.bytes + repackRemove.bytes + summary.unreferencedBytes);
  line('To carry over', repack.blobs - repackRemove.blobs, repack.bytes - repackRemove.bytes);
  const share = summary.remainingBytes > 0 ? (100 * summary.unusedAfterBytes) / summary.remainingBytes : 0;
  print(
    `Afterwards ${bytes(summary.remainingBytes)}, of which ${bytes(summary.unusedAfterBytes)} (${share.toFixed(1)} %) not needed`,
  );
  const parts = [`keep ${number(packs.keep)}`, `carry over ${number(packs.repack)}`, `delete ${number(packs.remove)}`];
  if (packs.unreferenced > 0) parts.push(`delete ${number(packs.unreferenced)} that no index names`);
  print(`Packs: ${parts.join(', ')}`);
}

function jsonPlan({ summary }: PrunePlan): object {
  return {
    used: summary.used,
    duplicate: summary.duplicate,
    unused: summary.unused,
    remove: summary.remove,
    repack: summary.repack,
    repack_remove: summary.repackRemove,
    unreferenced_bytes: summary.unreferencedBytes,
    remaining_bytes: summary.remainingBytes,
    unused_after_bytes: summary.unusedAfterBytes,
    packs_keep: summary.packs.keep,
    packs_repack: summary.packs.repack,
    packs_remove: summary.packs.remove,
    packs_unreferenced: summary.packs.unreferenced,
  };
}

function jsonResult({ deletedPacks, storedBytes, left }: PruneResult): object {
  return { packs_deleted: deletedPacks, stored_bytes: storedBytes, packs_left: left.packs, indexes_left: left.indexes };
}
