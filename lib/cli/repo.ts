// `holdfast repo`: restic's verbs with restic's option names.

import { Command } from 'commander';
import { initRepository } from '#lib/engine/verbs/init.ts';
import { repositoryStats } from '#lib/engine/verbs/stats.ts';
import { bytes, number, print, printJson } from './output.ts';
import { addBackup } from './repo-backup.ts';
import { addCheck } from './repo-check.ts';
import { addForget, addPrune } from './repo-forget.ts';
import { addDiff, addDump, addFind, addLs, addSnapshots } from './repo-read.ts';
import { addRestore } from './repo-restore.ts';
import { type CommonOptions, cancellable, inSession, openStore, passwordOf, withCommonOptions } from './session.ts';

export function repoCommand(version: string): Command {
  const repo = new Command('repo')
    .description('work on a restic repository directly, without the console')
    .helpCommand(false)
    .showHelpAfterError('Add --help to see what is possible.');
  addInit(repo);
  addBackup(repo, version);
  addSnapshots(repo);
  addLs(repo);
  addFind(repo);
  addDump(repo);
  addDiff(repo);
  addRestore(repo);
  addCheck(repo);
  addForget(repo);
  addPrune(repo);
  addStats(repo);
  for (const command of repo.commands) command.exitOverride();
  return repo.exitOverride();
}

function addInit(repo: Command): void {
  withCommonOptions(repo.command('init').description('make a new repository')).action(
    async (options: CommonOptions) => {
      await cancellable(async (signal) => {
        const store = openStore(options);
        try {
          const password = await passwordOf(options, true);
          const made = await initRepository(store, { password, signal });
          if (options.json) printJson({ message_type: 'initialized', id: made.id, repository: store.location });
          else {
            print(`Made repository ${made.id.slice(0, 10)} at ${store.location}.`);
            print('Keep the password safe: without it nobody, you included, can read what is in there.');
          }
          await made.close();
        } finally {
          await store.close();
        }
      });
    },
  );
}

function addStats(repo: Command): void {
  withCommonOptions(repo.command('stats').description('show how much the repository holds')).action(
    (options: CommonOptions) =>
      inSession(options, async ({ repo, signal }) => {
        const stats = await repositoryStats(repo, { signal });
        if (options.json) {
          printJson({
            total_size: stats.storedBytes,
            total_uncompressed_size: stats.uniqueBytes,
            compression_ratio: stats.storedBytes === 0 ? 1 : stats.uniqueBytes / stats.storedBytes,
            total_blob_count: stats.blobs,
            snapshots_count: stats.snapshots,
            pack_count: stats.packs,
          });
          return;
        }
        print(`Snapshots   ${number(stats.snapshots)}`);
        print(`Stored      ${bytes(stats.storedBytes)} in ${number(stats.packs)} packs`);
        print(`Content     ${bytes(stats.uniqueBytes)} in ${number(stats.blobs)} different blobs, before compression`);
      }),
  );
}
