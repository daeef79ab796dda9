import { diffQuery, diffView } from '#lib/contracts/recovery-points.ts';
import { idParams, route } from '#lib/http/route.ts';
import { diffPoints } from '#lib/services/point-diff.ts';

export const GET = route(
  {
    permission: 'recovery-point:browse',
    summary: 'What changed from the recovery point `with` to this one',
    params: idParams,
    query: diffQuery,
    response: diffView,
  },
  ({ actor, params, query, signal }) => diffPoints(actor, params.id, query, signal),
);
