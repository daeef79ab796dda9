import { entryPage, entryQuery } from '#lib/contracts/recovery-points.ts';
import { idParams, route } from '#lib/http/route.ts';
import { listEntries } from '#lib/services/recovery-points.ts';

export const GET = route(
  {
    permission: 'recovery-point:browse',
    summary: 'One folder of a recovery point, searched, sorted, in pages',
    params: idParams,
    query: entryQuery,
    response: entryPage,
  },
  ({ actor, params, query, signal }) => listEntries(actor, params.id, query, signal),
);
