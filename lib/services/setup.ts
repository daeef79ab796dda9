// First-run set-up: the one-time token that the terminal prints makes one owner, once.
// Only the token's hash is kept. Each start makes a new token, so an old terminal log opens nothing.

import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { hashPassword } from 'better-auth/crypto';
import type { SetupRequest, SetupState } from '#lib/contracts/access.ts';
import { claimSetting, readSetting, writeSetting } from '#lib/db/settings.ts';
import { createOwner } from '#lib/db/users.ts';
import { AppError } from '#lib/errors.ts';
import { masterKey } from '#lib/secrets/instance.ts';
import { generateSetupToken } from '#lib/secrets/tokens.ts';
import { limitTries } from './access.ts';

const TRIES_OF_AN_ADDRESS = { max: 10, windowSeconds: 600 };
/** All addresses together: 148 bits need no more, but a flood must not cost a scrypt run each. */
const TRIES_OF_ALL = { max: 100, windowSeconds: 600 };

/**
 * Called once at every start, after the migrations: makes the master key or checks that it is the one this database knows, and
 * returns a fresh set-up token to print, or null when set-up is complete.
 */
export async function ensureSetupToken(): Promise<string | null> {
  await requireKnownMasterKey();
  if ((await readSetting('setup-completed-at')) !== null) return null;
  const token = generateSetupToken();
  await writeSetting('setup-token-hash', tokenHash(token).toString('hex'));
  return token;
}

/** A wrong master key must stop the start, not the first backup at night. */
export async function requireKnownMasterKey(): Promise<void> {
  const { id } = await masterKey();
  if (await claimSetting('master-key-id', id)) return;
  const known = await readSetting('master-key-id');
  if (known === id) return;
  throw new AppError('internal', {
    message: `The master key of this process (${id}) is not the one this database was set up with (${known}).`,
    hint: 'Put back the master.key that belongs to this database (or the right HOLDFAST_MASTER_KEY). Without it the vault passwords stored here cannot be read; the recovery kits still open the vaults.',
  });
}

export async function setupState(): Promise<SetupState> {
  return { needed: (await readSetting('setup-completed-at')) === null };
}

/** Makes the owner. Errors: `rate-limited`, `forbidden` (wrong token), `conflict` (set-up is complete). */
export async function completeSetup(request: SetupRequest, ipAddress: string, now: Date): Promise<{ email: string }> {
  await limitTries({ [`setup:address:${ipAddress}`]: TRIES_OF_AN_ADDRESS, 'setup:all': TRIES_OF_ALL });
  const expected = await readSetting('setup-token-hash');
  if (expected === null) throw alreadyDone();
  if (!timingSafeEqual(tokenHash(request.token), Buffer.from(expected, 'hex'))) {
    throw new AppError('forbidden', {
      message: 'The set-up token is not right.',
      hint: 'Copy it from the terminal where Holdfast was started. Every start prints a new one.',
      fields: { token: 'This is not the token of the running start.' },
    });
  }
  const email = request.email.toLowerCase();
  const id = randomUUID();
  const passwordHash = await hashPassword(request.password);
  const audit = {
    actor: { email, ipAddress },
    action: 'setup.complete',
    subjectKind: 'user',
    subjectId: id,
    subjectName: request.name,
  };
  if (!(await createOwner({ id, name: request.name, email, passwordHash }, audit, now))) throw alreadyDone();
  return { email };
}

/** Both sides of the comparison are hashes of equal length, whatever was typed. */
function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token.trim().toLowerCase(), 'utf8').digest();
}

function alreadyDone(): AppError {
  return new AppError('conflict', {
    message: 'Holdfast is set up already.',
    hint: 'Sign in. If nobody knows the password, see "lost password" in docs/operations.md.',
  });
}
