import { page } from '#lib/contracts/common.ts';
import { createVault, vaultView } from '#lib/contracts/vaults.ts';
import { route } from '#lib/http/route.ts';
import { listVaults, createVault as makeVault } from '#lib/services/vaults.ts';

export const GET = route(
  { permission: 'vault:read', summary: 'All vaults by name', response: page(vaultView) },
  ({ actor }) => listVaults(actor),
);

export const POST = route(
  {
    permission: 'vault:create',
    summary: 'Make a vault: initialises a repository in an empty folder',
    body: createVault,
    response: vaultView,
    status: 201,
  },
  ({ actor, body }) => makeVault(actor, body),
);
