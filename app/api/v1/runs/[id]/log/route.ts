import { z } from 'zod';
import { runLogLine, runLogQuery } from '#lib/contracts/runs.ts';
import { idParams, route } from '#lib/http/route.ts';
import { getRunLog } from '#lib/services/runs.ts';

export const GET = route(
  {
    permission: 'run:read',
    summary: 'Lines of a run after `after`, oldest first',
    params: idParams,
    query: runLogQuery,
    response: z.object({ items: z.array(runLogLine) }),
  },
  ({ actor, params, query }) => getRunLog(actor, params.id, query),
);
