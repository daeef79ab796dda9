import { overviewView } from '#lib/contracts/overview.ts';
import { route } from '#lib/http/route.ts';
import { overview } from '#lib/services/overview.ts';

export const GET = route(
  { permission: 'overview:read', summary: 'All that the first screen shows', response: overviewView },
  ({ actor, now }) => overview(actor, now),
);
