import { runView } from '#lib/contracts/runs.ts';
import { idParams, route } from '#lib/http/route.ts';
import { retryRun } from '#lib/services/runs.ts';

export const POST = route(
  {
    permission: 'run:retry',
    summary: 'Start the same work once more; answers the new run',
    params: idParams,
    response: runView,
    status: 202,
  },
  ({ actor, params }) => retryRun(actor, params.id),
);
