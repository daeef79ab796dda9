// The queues of this process, made from its configuration.

import { config, databaseUrl } from '#lib/config.ts';
import { logger } from '#lib/logger.ts';
import { type JobQueues, openJobQueues } from './producer.ts';

// On globalThis: `next dev` evaluates this module again with every change, and each copy would keep a pool.
const holder = globalThis as typeof globalThis & { holdfastQueues?: Promise<JobQueues> };

export function queues(): Promise<JobQueues> {
  if (!holder.holdfastQueues) {
    const opening = openJobQueues({
      databaseUrl: databaseUrl(),
      redisUrl: config().redisUrl,
      poolSize: 4,
      onError: (error) => logger('queue').warn({ err: error }, 'queue connection interrupted; reconnecting'),
    });
    holder.holdfastQueues = opening;
    // A failed start must not be remembered: the next caller tries again.
    opening.catch(() => {
      if (holder.holdfastQueues === opening) delete holder.holdfastQueues;
    });
  }
  return holder.holdfastQueues;
}

export async function closeQueues(): Promise<void> {
  const opening = holder.holdfastQueues;
  delete holder.holdfastQueues;
  const opened = await opening?.catch(() => undefined);
  await opened?.close();
}
