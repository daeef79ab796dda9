import { sessionList } from '#lib/contracts/access.ts';
import { route } from '#lib/http/route.ts';
import { ownSessions } from '#lib/services/access.ts';

export const GET = route(
  { permission: 'signed-in', summary: "One's own sessions, newest first", response: sessionList },
  async ({ actor, sessionId, now }) => ({ items: await ownSessions(actor, sessionId, now) }),
);
