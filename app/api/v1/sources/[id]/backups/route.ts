import { runView } from '#lib/contracts/runs.ts';
import { startBackup } from '#lib/contracts/sources.ts';
import { idParams, route } from '#lib/http/route.ts';
import { startBackup as start } from '#lib/services/backups.ts';

export const POST = route(
  {
    permission: 'source:backup',
    summary: 'Back up a source now; answers the queued run',
    params: idParams,
    body: startBackup,
    response: runView,
    status: 202,
  },
  ({ actor, params, body }) => start(actor, params.id, body),
);
