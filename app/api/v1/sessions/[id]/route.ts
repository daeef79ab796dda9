import { z } from 'zod';
import { route } from '#lib/http/route.ts';
import { endSession } from '#lib/services/access.ts';

/** better-auth's ids are no UUIDs. */
const params = z.object({ id: z.string().min(1).max(100) });

export const DELETE = route(
  { permission: 'signed-in', summary: "End one of one's own sessions", params },
  async ({ actor, params: { id } }) => {
    await endSession(actor, id);
  },
);
