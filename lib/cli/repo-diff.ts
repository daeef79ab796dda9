import type { Command } from 'commander';
import type { DiffEntry } from '#lib/engine/types.ts';
import { diffSnapshots } from '#lib/engine/verbs/diff.ts';
import { DiffCounter, type DiffCounts } from '#lib/engine/verbs/diff-count.ts';
import { underSharedLock } from '#lib/engine/verbs/ls-lock.ts';
import { resolveSnapshot } from '#lib/engine/verbs/snapshots.ts';
import { bytes, number, print, printJson } from './output.ts';
import { partialOn } from './repo-read.ts';
import { type CommonOptions, inSession, withCommonOptions, withLockOption } from './session.ts';

const HELP = `
Marks: + added, - removed, M content changed, U only metadata changed, T type changed,
       M? content changed and nothing else: the disk may have done it`;

interface DiffOptions extends CommonOptions {
  metadata?: boolean;
}

export function addDiff(repo: Command): void {
  const command = repo
    .command('diff')
    .description('show what changed between two snapshots')
    .argument('<snapshot>', 'the older one; with ":<folder>" only that folder')
    .argument('<other>', 'the newer one')
    .option('--metadata', 'also entries of which only owner, mode, times or the like changed')
    .addHelpText('after', HELP);
  withLockOption(withCommonOptions(command), true).action((a: string, b: string, options: DiffOptions) =>
    inSession(
      options,
      ({ repo, signal }) =>
        underSharedLock(repo, { noLock: options.lock === false, signal }, async (held) => {
          const before = await resolveSnapshot(repo, a, { signal: held });
          const after = await resolveSnapshot(repo, b, { signal: held });
          const count = new DiffCounter();
          const entries = diffSnapshots(repo, before.snapshot.id, after.snapshot.id, {
            path: before.folder,
            otherPath: after.folder,
            metadata: options.metadata ? 'all' : 'shown',
            count,
            onProblem: partialOn(options),
            signal: held,
          });
          for await (const entry of entries) {
            if (entry.change === 'metadata' && !options.metadata) continue;
            const path = entry.type === 'dir' ? `${entry.path}/` : entry.path;
            const modifier = markOf(entry, options);
            if (options.json) printJson({ message_type: 'change', path, modifier });
            else print(`${modifier.padEnd(4)} ${path}`);
          }
          const ids = { source_snapshot: before.snapshot.id, target_snapshot: after.snapshot.id };
          const counts = count.finish(repo);
          if (options.json) printJson({ message_type: 'statistics', ...ids, ...counts });
          else if (!options.quiet) printCounts(counts);
        }),
      { threads: true },
    ),
  );
}

function markOf({ change, bitrot }: DiffEntry, { metadata }: DiffOptions): string {
  switch (change) {
    case 'added':
      return '+';
    case 'removed':
      return '-';
    case 'modified':
      return bitrot ? 'M?' : 'M';
    case 'metadata':
      return 'U';
    case 'type':
      return metadata ? 'TU' : 'T';
  }
}

function printCounts({ changed_files, added, removed }: DiffCounts): void {
  print();
  print(`Files:       ${number(added.files)} new, ${number(removed.files)} removed, ${number(changed_files)} changed`);
  print(`Folders:     ${number(added.dirs)} new, ${number(removed.dirs)} removed`);
  print(`Others:      ${number(added.others)} new, ${number(removed.others)} removed`);
  print(`Data blobs:  ${number(added.data_blobs)} new, ${number(removed.data_blobs)} removed`);
  print(`Tree blobs:  ${number(added.tree_blobs)} new, ${number(removed.tree_blobs)} removed`);
  print(`Added:       ${bytes(added.bytes)}`);
  print(`Removed:     ${bytes(removed.bytes)}`);
}
