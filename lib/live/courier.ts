// News across processes: worker to web (events), web to worker (cancel). The rows are the truth; news may be late, doubled after a
// reconnect, or missing, and everyone who listens must be able to do without.
//
// - One courier per process, whatever the number of listeners.
// - Published in one process, it arrives in all of them, the publishing one included, in the order of publishing.
// - After an interruption onGap() handlers are called: what happened meanwhile is lost, so read the rows again.
// - publish() rejects only when the news certainly did not leave; callers of the hot path ignore that with the reason above.

import { z } from 'zod';
import { cancelNotice, liveEvent } from '#lib/contracts/events.ts';
import { openPostgresCourier } from './postgres-courier.ts';
import { openRedisCourier } from './redis-courier.ts';

export const courierMessage = z.discriminatedUnion('type', [
  ...liveEvent.options,
  cancelNotice.extend({ type: z.literal('cancel') }),
]);
export type CourierMessage = z.infer<typeof courierMessage>;

export interface Courier {
  publish(message: CourierMessage): Promise<void>;
  /** Handlers must not throw. Returns the function that ends it. */
  subscribe(handler: (message: CourierMessage) => void): () => void;
  onGap(handler: () => void): () => void;
  close(): Promise<void>;
}

export interface CourierOptions {
  databaseUrl: string;
  /** When given, news travels through Redis. */
  redisUrl?: string | undefined;
  /** Name of the channel; tests give their own. */
  channel?: string;
  onError?: (error: Error) => void;
}

/** What a transport brings: text there, text back. Ordering, no size limit, reconnecting are its business. */
export interface Transport {
  send(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface TransportEvents {
  onText(text: string): void;
  onGap(): void;
  onError(error: Error): void;
}

export const DEFAULT_CHANNEL = 'holdfast_news';

export async function openCourier(options: CourierOptions): Promise<Courier> {
  const handlers = new Set<(message: CourierMessage) => void>();
  const gapHandlers = new Set<() => void>();
  const report = options.onError ?? (() => {});
  const channel = options.channel ?? DEFAULT_CHANNEL;

  const events: TransportEvents = {
    onText(text) {
      const message = parse(text);
      // A newer process may send what this one does not know: not for us.
      if (message) for (const handler of handlers) handler(message);
    },
    onGap() {
      for (const handler of gapHandlers) handler();
    },
    onError: report,
  };
  const transport = options.redisUrl
    ? await openRedisCourier(options.redisUrl, channel, events)
    : await openPostgresCourier(options.databaseUrl, channel, events);

  return {
    publish: (message) => transport.send(JSON.stringify(message)),
    subscribe(handler) {
      // A wrapper of its own, so that one function subscribed twice is two subscriptions.
      const own = (message: CourierMessage) => handler(message);
      handlers.add(own);
      return () => handlers.delete(own);
    },
    onGap(handler) {
      const own = () => handler();
      gapHandlers.add(own);
      return () => gapHandlers.delete(own);
    },
    close: () => transport.close(),
  };
}

function parse(text: string): CourierMessage | undefined {
  try {
    return courierMessage.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: someone else writes to our channel. Not news.
    return undefined;
  }
}
