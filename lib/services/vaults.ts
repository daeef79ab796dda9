// Vaults as the API and the screens use them.

import { randomUUID } from 'node:crypto';
import { config } from '#lib/config.ts';
import type { Actor } from '#lib/contracts/access.ts';
import type { Page } from '#lib/contracts/common.ts';
import type { CreateVault, UpdateVault, VaultDetail, VaultView } from '#lib/contracts/vaults.ts';
import * as rows from '#lib/db/vaults.ts';
import { initRepository } from '#lib/engine/verbs/init.ts';
import { AppError } from '#lib/errors.ts';
import { news } from '#lib/live/instance.ts';
import { logger } from '#lib/logger.ts';
import { masterKey } from '#lib/secrets/instance.ts';
import { sealSecret } from '#lib/secrets/seal.ts';
import { generateRepositoryPassword } from '#lib/secrets/tokens.ts';
import { storeOf } from './open-vault.ts';
import { requirePermission } from './permission.ts';
import { storeHealth } from './store-health.ts';
import { prepareVaultFolder, vaultFolder } from './vault-place.ts';

export async function listVaults(actor: Actor): Promise<Page<VaultView>> {
  requirePermission(actor, 'vault:read');
  return { items: await vaultViews(), nextCursor: null };
}

/** For services that show vaults; they have checked the permission. */
export async function vaultViews(): Promise<VaultView[]> {
  return Promise.all((await rows.listVaults()).map(withHealth));
}

export async function getVault(actor: Actor, id: string): Promise<VaultDetail> {
  requirePermission(actor, 'vault:read');
  const [vault, growth, bySource] = await Promise.all([view(id), rows.listGrowth(id), rows.listVaultSources(id)]);
  return { ...vault, growth, bySource };
}

/**
 * Initialises a repository in an empty or new folder of this machine and keeps its password, sealed. When anything fails the
 * folder is as it was.
 */
export async function createVault(actor: Actor, input: CreateVault): Promise<VaultView> {
  requirePermission(actor, 'vault:create');
  const store = { ...input.store, path: vaultFolder(input.store.path) };
  const id = randomUUID();
  let undo: (() => Promise<void>) | undefined;
  try {
    await rows.createVault(input.name, actor, async (others) => {
      ({ undo } = await prepareVaultFolder(store.path, config().dataDir, others));
      const password = generateRepositoryPassword();
      const sealedPassword = sealSecret(await masterKey(), password, { table: 'vault', id, field: 'password' });
      const repository = await initRepository(storeOf(store), { password });
      await repository.close();
      return {
        id,
        name: input.name,
        store,
        zone: input.zone || null,
        repositoryId: repository.id,
        sealedPassword,
      };
    });
  } catch (error) {
    await undo?.().catch((cause) =>
      logger('vaults').warn({ err: cause, path: store.path }, 'half-made vault not removed'),
    );
    throw error;
  }
  news({ type: 'changed', noun: 'vault', id });
  return view(id);
}

export async function updateVault(actor: Actor, id: string, change: UpdateVault): Promise<VaultView> {
  requirePermission(actor, 'vault:update');
  const wanted = { ...change, ...(change.zone === '' ? { zone: null } : {}) };
  if (!(await rows.updateVault(id, wanted, actor))) throw noSuchVault();
  news({ type: 'changed', noun: 'vault', id });
  return view(id);
}

async function view(id: string): Promise<VaultView> {
  const [row] = await rows.listVaults(id);
  if (row === undefined) throw noSuchVault();
  return withHealth(row);
}

async function withHealth(row: rows.VaultRow): Promise<VaultView> {
  return { ...row, ...(await storeHealth(row.store)) };
}

export function noSuchVault(): AppError {
  return new AppError('not-found', { message: 'There is no such vault.' });
}
