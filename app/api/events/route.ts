// Server-sent events: news of runs and of what changed. Subscribe first, then a snapshot of the active runs, then deltas.

import { liveStream } from '#lib/http/live-stream.ts';
import { route } from '#lib/http/route.ts';

export const dynamic = 'force-dynamic';

export const GET = route(
  { permission: 'run:read', summary: 'News of runs and changes as server-sent events', response: 'stream' },
  ({ sessionId, signal }) => liveStream(sessionId, signal),
);
