import { page } from '#lib/contracts/common.ts';
import { createSource, sourceView } from '#lib/contracts/sources.ts';
import { route } from '#lib/http/route.ts';
import { listSources, createSource as makeSource } from '#lib/services/sources.ts';

export const GET = route(
  { permission: 'source:read', summary: 'All sources by name', response: page(sourceView) },
  ({ actor, now }) => listSources(actor, now),
);

export const POST = route(
  {
    permission: 'source:create',
    summary: "Add a source; its folder must exist on the worker's machine",
    body: createSource,
    response: sourceView,
    status: 201,
  },
  ({ actor, body, now, signal }) => makeSource(actor, body, now, signal),
);
