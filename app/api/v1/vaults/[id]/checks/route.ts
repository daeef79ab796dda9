import { runView } from '#lib/contracts/runs.ts';
import { checkVault } from '#lib/contracts/vaults.ts';
import { idParams, route } from '#lib/http/route.ts';
import { startCheck } from '#lib/services/checks.ts';

export const POST = route(
  {
    permission: 'vault:check',
    summary: 'Check a vault; answers the queued run',
    params: idParams,
    body: checkVault,
    response: runView,
    status: 202,
  },
  ({ actor, params, body }) => startCheck(actor, params.id, body),
);
