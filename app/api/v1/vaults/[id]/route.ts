import { updateVault, vaultDetail, vaultView } from '#lib/contracts/vaults.ts';
import { idParams, route } from '#lib/http/route.ts';
import { updateVault as changeVault, getVault } from '#lib/services/vaults.ts';

export const GET = route(
  {
    permission: 'vault:read',
    summary: 'A vault with its growth and what each source keeps in it',
    params: idParams,
    response: vaultDetail,
  },
  ({ actor, params }) => getVault(actor, params.id),
);

export const PATCH = route(
  {
    permission: 'vault:update',
    summary: 'Rename a vault or change its zone',
    params: idParams,
    body: updateVault,
    response: vaultView,
  },
  ({ actor, params, body }) => changeVault(actor, params.id, body),
);
