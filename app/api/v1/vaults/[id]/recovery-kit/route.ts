import { attachment } from '#lib/http/download.ts';
import { idParams, route } from '#lib/http/route.ts';
import { takeRecoveryKit } from '#lib/services/recovery-kit.ts';

export const GET = route(
  {
    permission: 'vault:recovery-kit',
    summary: 'The recovery kit: location, password and the commands that get everything back',
    params: idParams,
    response: 'stream',
  },
  async ({ actor, params, now }) => {
    const kit = await takeRecoveryKit(actor, params.id, now);
    return new Response(kit.text, { headers: attachment(kit.name, 'text/plain; charset=utf-8') });
  },
);
