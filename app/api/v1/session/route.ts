import { sessionView } from '#lib/contracts/access.ts';
import { route } from '#lib/http/route.ts';
import { sessionView as viewSession } from '#lib/services/access.ts';

export const GET = route(
  { permission: 'signed-in', summary: 'Who is signed in and what they may do', response: sessionView },
  ({ actor }) => viewSession(actor),
);
