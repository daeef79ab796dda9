import { downloadQuery } from '#lib/contracts/recovery-points.ts';
import { downloadResponse } from '#lib/http/download.ts';
import { idParams, route } from '#lib/http/route.ts';
import { openDownload } from '#lib/services/downloads.ts';

export const GET = route(
  {
    permission: 'recovery-point:download',
    summary: 'One file as it is; a folder or several paths as tar or zip',
    params: idParams,
    query: downloadQuery,
    response: 'stream',
  },
  async ({ actor, params, query, headers, signal }) => {
    const paths = Array.isArray(query.path) ? query.path : [query.path];
    return downloadResponse(headers, (range) =>
      openDownload(actor, params.id, { paths, format: query.format, range }, signal),
    );
  },
);
