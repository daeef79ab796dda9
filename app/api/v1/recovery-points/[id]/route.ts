import { recoveryPointDetail } from '#lib/contracts/recovery-points.ts';
import { idParams, route } from '#lib/http/route.ts';
import { getRecoveryPoint } from '#lib/services/recovery-points.ts';

export const GET = route(
  {
    permission: 'recovery-point:read',
    summary: 'A recovery point and its neighbours',
    params: idParams,
    response: recoveryPointDetail,
  },
  ({ actor, params }) => getRecoveryPoint(actor, params.id),
);
