import { workerView } from '#lib/contracts/workers.ts';
import { idParams, route } from '#lib/http/route.ts';
import { getWorker } from '#lib/services/workers.ts';

export const GET = route(
  { permission: 'worker:read', summary: 'A worker', params: idParams, response: workerView },
  ({ actor, params }) => getWorker(actor, params.id),
);
