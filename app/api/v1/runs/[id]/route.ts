import { runView } from '#lib/contracts/runs.ts';
import { idParams, route } from '#lib/http/route.ts';
import { getRun } from '#lib/services/runs.ts';

export const GET = route(
  { permission: 'run:read', summary: 'A run', params: idParams, response: runView },
  ({ actor, params }) => getRun(actor, params.id),
);
