import { page } from '#lib/contracts/common.ts';
import { workerView } from '#lib/contracts/workers.ts';
import { route } from '#lib/http/route.ts';
import { listWorkers } from '#lib/services/workers.ts';

export const GET = route(
  { permission: 'worker:read', summary: 'All workers by name', response: page(workerView) },
  async ({ actor }) => ({ items: await listWorkers(actor), nextCursor: null }),
);
