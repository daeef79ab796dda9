// One browser's event stream. Order: subscribe, snapshot of the active runs, deltas; a gap in the news brings a snapshot again.
// The session is looked at again with every ping, so that signing out or losing a session ends the stream.

import type { LiveEvent } from '#lib/contracts/events.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { type HubMessage, subscribe } from '#lib/live/hub.ts';
import { logger } from '#lib/logger.ts';
import { sessionIsAlive } from '#lib/services/access.ts';
import { activeRuns } from '#lib/services/runs.ts';

const PING_MS = 15_000;
/** What the browser waits before it comes back. */
const RETRY_MS = 2_000;
/** A browser that reads this far behind is cut off; it comes back and gets a snapshot, which is shorter than its backlog. */
const MAX_BACKLOG = 1_000;

export async function liveStream(sessionId: string, signal: AbortSignal): Promise<Response> {
  let sequence = 0;
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: () => void = () => {};
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let open = true;
  const encoder = new TextEncoder();

  const end = (): void => {
    if (!open) return;
    open = false;
    clearInterval(timer);
    unsubscribe();
    signal.removeEventListener('abort', end);
    try {
      controller.close();
    } catch {
      // The browser had gone first; the stream is closed already.
    }
  };
  const write = (text: string): void => {
    if (!open) return;
    if ((controller.desiredSize ?? 0) < -MAX_BACKLOG) end();
    else controller.enqueue(encoder.encode(text));
  };
  const send = (event: LiveEvent): void => {
    sequence += 1;
    write(`id: ${sequence}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  const snapshot = async (): Promise<void> => {
    for (const run of await activeRuns()) send(runEvent(run));
  };
  const hear = (message: HubMessage): void => {
    if (message.type !== 'gap') send(message);
    else snapshot().catch(end);
  };
  // An event and not a comment: the browser shows comments to nobody, and the page must notice silence.
  const ping = async (): Promise<void> => {
    if (await sessionIsAlive(sessionId)) write('event: heartbeat\ndata: {}\n\n');
    else end();
  };

  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel: end,
  });
  signal.addEventListener('abort', end);
  try {
    unsubscribe = await subscribe(hear);
    write(`retry: ${RETRY_MS}\n\n`);
    await snapshot();
  } catch (error) {
    end();
    throw error;
  }
  if (signal.aborted) end();
  if (open) {
    timer = setInterval(() => {
      ping().catch((error) => {
        logger('http').debug({ err: error }, 'event stream ended: its session cannot be read');
        end();
      });
    }, PING_MS);
  } else unsubscribe();
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // nginx would hold news back until its buffer is full.
      'x-accel-buffering': 'no',
    },
  });
}

function runEvent(run: RunView): LiveEvent {
  return {
    type: 'run',
    runId: run.id,
    version: run.version,
    state: run.state,
    outcome: run.outcome,
    progress: run.progress,
  };
}
