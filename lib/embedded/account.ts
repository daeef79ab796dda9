// Whom the private PostgreSQL runs as. It refuses to be root; started by root it gets an account of the system that owns
// nothing else. An ordinary user runs it as himself.

import { spawnSync } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { childEnvironment } from '../config.ts';
import { AppError } from '../errors.ts';

/** Both undefined: the account of this process. */
export interface ServerAccount {
  uid?: number;
  gid?: number;
}

/** Accounts that are taken when they exist, best first; the first is created when neither does. */
const NAMES = ['holdfast', 'postgres'] as const;

/** The account for the server of `folder`; the one that owns an existing cluster, for it cannot change. */
export async function serverAccount(folder: string, cluster: string): Promise<ServerAccount> {
  if (process.getuid?.() !== 0) return {};
  const owner = await stat(cluster).catch(() => undefined);
  const account =
    owner !== undefined && owner.uid !== 0
      ? { uid: owner.uid, gid: owner.gid }
      : (NAMES.map(accountOf).find((found) => found !== undefined) ?? createAccount(NAMES[0]));
  await mkdir(folder, { recursive: true });
  requireWayThrough(folder, account);
  return account;
}

function accountOf(name: string): ServerAccount | undefined {
  const [uid, gid] = ['-u', '-g'].map((option) => {
    const { status, stdout } = spawnSync('id', [option, name], { encoding: 'utf8', env: childEnvironment() });
    return status === 0 ? Number(stdout.trim()) : Number.NaN;
  });
  return uid !== undefined && gid !== undefined && uid > 0 && gid > 0 ? { uid, gid } : undefined;
}

function createAccount(name: string): ServerAccount {
  const args = [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
  ];
  const { status, stderr, error } = spawnSync('useradd', [...args, name], {
    encoding: 'utf8',
    env: childEnvironment(),
  });
  const account = status === 0 ? accountOf(name) : undefined;
  if (account !== undefined) return account;
  throw new AppError('unavailable', {
    message: `PostgreSQL does not run as root, and no account "${name}" could be made for it: ${error?.message ?? stderr.trim()}`,
    hint: `Create a system account called "${name}", start Holdfast as an ordinary user, or set DATABASE_URL.`,
  });
}

/** Asks the system itself, as that account: modes, groups, access lists and mounts all count. */
function requireWayThrough(folder: string, account: ServerAccount): void {
  const { status } = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    ...account,
    cwd: '/',
    env: childEnvironment(),
  });
  if (status === 0) return;
  throw new AppError('permission-denied', {
    message: `PostgreSQL does not run as root, and its account (uid ${account.uid}) cannot reach ${folder}.`,
    hint: 'Choose a data folder that is not below a private one (HOLDFAST_DATA_DIR=/var/lib/holdfast), or set DATABASE_URL.',
  });
}
