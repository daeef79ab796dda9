import { z } from 'zod';
import { route } from '#lib/http/route.ts';
import { health } from '#lib/services/overview.ts';

export const dynamic = 'force-dynamic';

export const GET = route(
  {
    permission: 'public',
    summary: 'The web process lives and the database answers',
    response: z.object({ ok: z.literal(true) }),
  },
  () => health(),
);
