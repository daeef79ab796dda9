// News over Redis pub/sub. A connection that subscribes can do nothing else, so there are two per process.

import { Redis } from 'ioredis';
import { AppError } from '#lib/errors.ts';
import type { Transport, TransportEvents } from './courier.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const SLOWEST_RETRY_MS = 5_000;
const retryStrategy = (times: number) => Math.min(100 * 2 ** Math.min(times, 10), SLOWEST_RETRY_MS);

export async function openRedisCourier(url: string, channel: string, events: TransportEvents): Promise<Transport> {
  const options = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    lazyConnect: true,
    connectionName: 'holdfast-live',
    retryStrategy,
  };
  // News that cannot leave now is stale later: no queueing while the server is away.
  const publisher = new Redis(url, { ...options, maxRetriesPerRequest: 0, enableOfflineQueue: false });
  const subscriber = new Redis(url, { ...options, maxRetriesPerRequest: null });
  // Redis keeps channels apart by name only, not by database number as keys are.
  const name = `${channel}:${publisher.options.db ?? 0}`;
  publisher.on('error', events.onError);
  subscriber.on('error', events.onError);
  subscriber.on('message', (_channel, text) => events.onText(text));
  try {
    await Promise.all([publisher.connect(), subscriber.connect()]);
    await subscriber.subscribe(name);
  } catch (error) {
    publisher.disconnect();
    subscriber.disconnect();
    throw new AppError('unavailable', {
      message: `The live channel cannot reach Redis: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Check that Redis runs and that REDIS_URL names it.',
      retryable: true,
      cause: error,
    });
  }
  // ioredis subscribes again by itself when it is back; "ready" comes just before that, so the gap ends one command later.
  subscriber.on('ready', () => {
    subscriber.subscribe(name).then(events.onGap, events.onError);
  });

  return {
    async send(text) {
      try {
        await publisher.publish(name, text);
      } catch (error) {
        throw new AppError('unavailable', {
          message: 'The live channel is interrupted.',
          retryable: true,
          cause: error,
        });
      }
    },
    async close() {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
