import { restorePlanView, restoreRequest } from '#lib/contracts/restores.ts';
import { route } from '#lib/http/route.ts';
import { createRestorePlan } from '#lib/services/restores.ts';

export const POST = route(
  {
    permission: 'restore:create',
    summary: 'Plan a restore: what would be created, overwritten and kept',
    body: restoreRequest,
    response: restorePlanView,
    status: 202,
  },
  ({ actor, body }) => createRestorePlan(actor, body),
);
