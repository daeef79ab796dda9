import { folderListing, folderQuery } from '#lib/contracts/workers.ts';
import { idParams, route } from '#lib/http/route.ts';
import { listFolder } from '#lib/services/folders.ts';

export const GET = route(
  {
    permission: 'host:browse',
    summary: "Folders of a folder on the worker's machine, read now",
    params: idParams,
    query: folderQuery,
    response: folderListing,
  },
  ({ actor, params, query, signal }) => listFolder(actor, params.id, query, signal),
);
