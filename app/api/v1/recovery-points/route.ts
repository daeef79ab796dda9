import { page } from '#lib/contracts/common.ts';
import { recoveryPointQuery, recoveryPointView } from '#lib/contracts/recovery-points.ts';
import { route } from '#lib/http/route.ts';
import { listRecoveryPoints } from '#lib/services/recovery-points.ts';

export const GET = route(
  {
    permission: 'recovery-point:read',
    summary: 'Recovery points, newest first',
    query: recoveryPointQuery,
    response: page(recoveryPointView),
  },
  ({ actor, query }) => listRecoveryPoints(actor, query),
);
