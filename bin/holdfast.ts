// The command line. `repo` works on a repository with nothing else running: no console, no database, no configuration.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { EXIT, exitCodeOf, printError } from '#lib/cli/exit.ts';
import { repoCommand } from '#lib/cli/repo.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('holdfast')
  .description('Backups that prove they restore: the console, its workers, and a restic-compatible engine.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'show this help')
  .helpCommand(false)
  .exitOverride()
  .showHelpAfterError('Add --help to see what is possible.');

program
  .command('up')
  .description('start the console: database, web server and one worker')
  .action(async () => {
    const { up } = await import('#lib/embedded/up.ts');
    process.exitCode = await up();
  });

program
  .command('worker')
  .description('start a worker for a console that runs elsewhere (DATABASE_URL says where)')
  .action(async () => {
    const { readEnvFile } = await import('#lib/config.ts');
    readEnvFile(fileURLToPath(new URL('../.env', import.meta.url)));
    await import('#workers/main.ts');
  });

program.addCommand(repoCommand(version));

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own message already; asking for help or the version is no failure.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.failed;
  else {
    printError(error, process.argv.includes('--json'));
    process.exitCode = exitCodeOf(error);
  }
}
