// `holdfast repo key`: the passwords of a repository.

import type { Command } from 'commander';
import { addKey, changePassword, type KeyInfo, listKeys, planKeyRemoval } from '#lib/engine/verbs/keys.ts';
import { underSharedLock } from '#lib/engine/verbs/ls-lock.ts';
import { AppError } from '#lib/errors.ts';
import { clock, counted, print, printJson, printTable } from './output.ts';
import { askPassword } from './password.ts';
import { type CommonOptions, inSession, readOptionFile, withCommonOptions, withLockOption } from './session.ts';

interface NewKeyOptions extends CommonOptions {
  newPasswordFile?: string;
  host?: string;
  user?: string;
}

export function addKeys(repo: Command): void {
  const key = repo.command('key').description('manage the passwords of the repository').helpCommand(false);
  addList(key);
  addAdd(key);
  addRemove(key);
  addPasswd(key);
  for (const command of key.commands) command.exitOverride();
}

function withNewKeyOptions(command: Command): Command {
  return withCommonOptions(
    command
      .option('--new-password-file <file>', 'file that holds the new password (default: it is asked for)')
      .option('--host <name>', 'host name shown in the list of keys (default: this machine)')
      .option('--user <name>', 'user name shown in the list of keys (default: who runs this)'),
  );
}

async function newPassword({ newPasswordFile }: NewKeyOptions): Promise<string> {
  const password = newPasswordFile
    ? readOptionFile(newPasswordFile, 'new password')
    : await askPassword(true, 'The new password: ', 'Give the new one with --new-password-file.');
  if (password !== '') return password;
  throw new AppError('invalid-input', 'The new password is empty; nothing was changed.');
}

function addList(key: Command): void {
  const command = key.command('list').description('list the keys; the one in use is marked with *');
  withLockOption(withCommonOptions(command), true).action((options: CommonOptions) =>
    inSession(options, ({ repo, signal }) =>
      underSharedLock(repo, { noLock: options.lock === false, signal }, async (held) => {
        const keys = await listKeys(repo, { signal: held });
        if (options.json) printJson(keys.map(keyJson));
        else {
          const rows = keys.map(({ id, current, username, hostname, created }) => [
            (current ? '*' : ' ') + id.slice(0, 8),
            username,
            hostname,
            clock(created),
          ]);
          printTable([' ID', 'User', 'Host', 'Created'], rows);
        }
        for (const { problem } of keys) if (problem) process.stderr.write(`${problem}\n`);
      }),
    ),
  );
}

function keyJson({ current, id, username, hostname, created, problem }: KeyInfo) {
  return { current, id, userName: username, hostName: hostname, created: clock(created), problem };
}

function addAdd(key: Command): void {
  withNewKeyOptions(key.command('add').description('add a password; the others go on working')).action(
    (options: NewKeyOptions) =>
      inSession(options, async ({ repo, signal }) => {
        const password = await newPassword(options);
        const id = await addKey(repo, password, { hostname: options.host, username: options.user, signal });
        if (options.json) printJson({ message_type: 'key_added', id });
        else print(`Added the key ${id}. Its password opens the repository from now on.`);
      }),
  );
}

function addRemove(key: Command): void {
  const command = key
    .command('remove')
    .description('remove a key: its password opens the repository no more')
    .argument('<id>', 'id of the key or its first digits');
  withCommonOptions(command).action((id: string, options: CommonOptions) =>
    inSession(options, async ({ repo, signal }) => {
      const plan = await planKeyRemoval(repo, id, { signal });
      await plan.execute();
      if (options.json) printJson({ message_type: 'key_removed', id: plan.key.id });
      else print(`Removed the key ${plan.key.id}. ${counted(plan.remaining.length, 'key')} left.`);
    }),
  );
}

function addPasswd(key: Command): void {
  const command = key
    .command('passwd')
    .description('change the password that is given: a new key is added and proved, then the old one removed');
  withNewKeyOptions(command).action((options: NewKeyOptions) =>
    inSession(options, async ({ repo, signal }) => {
      const password = await newPassword(options);
      const named = { hostname: options.host, username: options.user, signal };
      const { added, removed } = await changePassword(repo, password, named);
      if (options.json) printJson({ message_type: 'key_changed', id: added, removed });
      else {
        print(`Added the key ${added} and removed ${removed.slice(0, 8)}.`);
        print('The new password opens the repository, the old one does not any more. Keep it safe.');
      }
    }),
  );
}
