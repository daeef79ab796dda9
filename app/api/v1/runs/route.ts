import { page } from '#lib/contracts/common.ts';
import { runQuery, runView } from '#lib/contracts/runs.ts';
import { route } from '#lib/http/route.ts';
import { listRuns } from '#lib/services/runs.ts';

export const GET = route(
  { permission: 'run:read', summary: 'Runs, newest first', query: runQuery, response: page(runView) },
  ({ actor, query }) => listRuns(actor, query),
);
