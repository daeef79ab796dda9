// The courier of this process, made from its configuration. Everything else takes a courier as an argument or calls news().

import { config, databaseUrl } from '#lib/config.ts';
import type { LiveEvent } from '#lib/contracts/events.ts';
import { logger } from '#lib/logger.ts';
import { type Courier, type CourierMessage, openCourier } from './courier.ts';

// On globalThis: `next dev` evaluates this module again with every change, and each copy would keep a connection.
const holder = globalThis as typeof globalThis & { holdfastCourier?: Promise<Courier> };

export function courier(): Promise<Courier> {
  if (!holder.holdfastCourier) {
    const opening = openCourier({
      databaseUrl: databaseUrl(),
      redisUrl: config().redisUrl,
      onError: (error) => logger('live').warn({ err: error }, 'live channel interrupted; reconnecting'),
    });
    holder.holdfastCourier = opening;
    // A failed start must not be remembered: the next caller tries again.
    opening.catch(() => {
      if (holder.holdfastCourier === opening) delete holder.holdfastCourier;
    });
  }
  return holder.holdfastCourier;
}

/** Publishes and forgets: news may be lost by design, so a failure is no one's error. The rows are the truth. */
export function news(message: CourierMessage | LiveEvent): void {
  courier()
    .then((opened) => opened.publish(message))
    .catch((error) => logger('live').debug({ err: error, type: message.type }, 'news not sent'));
}

export async function closeCourier(): Promise<void> {
  const opening = holder.holdfastCourier;
  delete holder.holdfastCourier;
  const opened = await opening?.catch(() => undefined);
  await opened?.close();
}
