import { executeRestore } from '#lib/contracts/restores.ts';
import { runView } from '#lib/contracts/runs.ts';
import { route } from '#lib/http/route.ts';
import { executeRestore as execute } from '#lib/services/restores.ts';

export const POST = route(
  {
    permission: 'restore:create',
    summary: 'Spend a plan: starts the restore it describes',
    body: executeRestore,
    response: runView,
    status: 202,
  },
  ({ actor, body }) => execute(actor, body),
);
