import { sourceView, updateSource } from '#lib/contracts/sources.ts';
import { idParams, route } from '#lib/http/route.ts';
import { updateSource as changeSource, deleteSource, getSource } from '#lib/services/sources.ts';

export const GET = route(
  { permission: 'source:read', summary: 'A source', params: idParams, response: sourceView },
  ({ actor, params, now }) => getSource(actor, params.id, now),
);

export const PATCH = route(
  {
    permission: 'source:update',
    summary: 'Change a source',
    params: idParams,
    body: updateSource,
    response: sourceView,
  },
  ({ actor, params, body, now, signal }) => changeSource(actor, params.id, body, now, signal),
);

export const DELETE = route(
  {
    permission: 'source:delete',
    summary: 'Remove a source; its recovery points stay in their vaults',
    params: idParams,
  },
  ({ actor, params }) => deleteSource(actor, params.id),
);
