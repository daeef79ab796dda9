import { restorePlanView } from '#lib/contracts/restores.ts';
import { idParams, route } from '#lib/http/route.ts';
import { getRestorePlan } from '#lib/services/restores.ts';

export const GET = route(
  { permission: 'restore:create', summary: 'A restore plan', params: idParams, response: restorePlanView },
  ({ actor, params }) => getRestorePlan(actor, params.id),
);
