// The web process's end of the live channel: one courier, any number of open streams.
//
// A stream does: subscribe, then send a snapshot (services/runs.ts activeRuns()), then what the listener gets, merged by version.
// On { type: 'gap' } it sends a snapshot again. Listeners must not throw and must not wait: a slow browser is its stream's problem.

import type { LiveEvent } from '#lib/contracts/events.ts';
import { courier } from './instance.ts';

export type HubMessage = LiveEvent | { type: 'gap' };

const listeners = new Set<(message: HubMessage) => void>();
let connecting: Promise<void> | undefined;

/** Resolves once news flows; the returned function ends it. Rejects when the courier cannot be opened. */
export async function subscribe(listener: (message: HubMessage) => void): Promise<() => void> {
  const own = (message: HubMessage) => listener(message);
  listeners.add(own);
  try {
    connecting ??= connect();
    await connecting;
  } catch (error) {
    listeners.delete(own);
    connecting = undefined;
    throw error;
  }
  return () => listeners.delete(own);
}

/** How many streams are open; for /metrics. */
export function listenerCount(): number {
  return listeners.size;
}

async function connect(): Promise<void> {
  const opened = await courier();
  opened.subscribe((message) => {
    if (message.type !== 'cancel') for (const listener of listeners) listener(message);
  });
  opened.onGap(() => {
    for (const listener of listeners) listener({ type: 'gap' });
  });
}
