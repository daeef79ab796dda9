// `holdfast repo`: restic's verbs with restic's option names.

import { Command } from 'commander';
import { initRepository } from '#lib/engine/verbs/init.ts';
import { print, printJson } from './output.ts';
import { addCat, addList, addTag, addUnlock } from './repo-admin.ts';
import { addBackup } from './repo-backup.ts';
import { addCheck } from './repo-check.ts';
import { addCopy, type FromOptions, withFromOptions, withFromRepository } from './repo-copy.ts';
import { addDiff } from './repo-diff.ts';
import { addFind } from './repo-find.ts';
import { addForget } from './repo-forget.ts';
import { addPrune } from './repo-forget-prune.ts';
import { addKeys } from './repo-keys.ts';
import { addDump, addLs, addSnapshots } from './repo-read.ts';
import { addRepair } from './repo-repair.ts';
import { addRestore } from './repo-restore.ts';
import { addStats } from './repo-stats.ts';
import { type CommonOptions, cancellable, openStore, passwordOf, withCommonOptions } from './session.ts';

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
  addCopy(repo);
  addRepair(repo);
  addStats(repo);
  addTag(repo);
  addKeys(repo);
  addUnlock(repo);
  addCat(repo);
  addList(repo);
  for (const command of repo.commands) command.exitOverride();
  return repo.exitOverride();
}

interface InitOptions extends CommonOptions, FromOptions {
  copyChunkerParams?: boolean;
}

function addInit(repo: Command): void {
  const command = repo
    .command('init')
    .description('make a new repository')
    .option(
      '--copy-chunker-params',
      'cut files as the repository given with --from-repo does, so that copies share data',
    );
  withFromOptions(withCommonOptions(command)).action(async (options: InitOptions) => {
    await cancellable(async (signal) => {
      const store = openStore(options);
      try {
        const chunkerPolynomial = options.copyChunkerParams
          ? await withFromRepository(options, { signal }, async (from) => from.chunkerPolynomial)
          : undefined;
        const password = await passwordOf(options, true);
        const made = await initRepository(store, { password, chunkerPolynomial, signal });
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
  });
}
