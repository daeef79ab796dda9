import { runView } from '#lib/contracts/runs.ts';
import { idParams, route } from '#lib/http/route.ts';
import { cancelRun } from '#lib/services/runs.ts';

export const POST = route(
  { permission: 'run:cancel', summary: 'Ask a run to stop', params: idParams, response: runView },
  ({ actor, params }) => cancelRun(actor, params.id),
);
