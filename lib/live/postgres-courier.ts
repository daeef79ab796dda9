// News over LISTEN/NOTIFY: one connection that listens and notifies. A payload has to stay under 8,000 bytes
// (postgresql.org/docs/current/sql-notify.html), so longer texts travel in pieces. All pieces of a text are notified by one
// statement, hence in one transaction, and PostgreSQL delivers the notices of a transaction together and in order.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { AppError } from '#lib/errors.ts';
import type { Transport, TransportEvents } from './courier.ts';
import { Reassembly, split } from './pieces.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const KEEPALIVE_DELAY_MS = 10_000;
const FIRST_RETRY_MS = 100;
const SLOWEST_RETRY_MS = 5_000;

export async function openPostgresCourier(
  databaseUrl: string,
  channel: string,
  events: TransportEvents,
): Promise<Transport> {
  if (!/^[a-z_][a-z0-9_]{0,60}$/.test(channel)) throw new Error(`not a channel name: ${channel}`);
  let client: pg.Client | undefined;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();

  async function connect(): Promise<void> {
    const fresh = new pg.Client({
      connectionString: databaseUrl,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      // Without it a connection that silently died would leave the screens still for hours.
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
      application_name: 'holdfast-live',
    });
    // A fresh one per connection: pieces whose rest was lost with the old connection must not wait for ever.
    const pieces = new Reassembly();
    fresh.on('error', events.onError);
    fresh.on('notification', (notice) => {
      const text = notice.payload === undefined ? undefined : pieces.add(notice.payload);
      if (text !== undefined) events.onText(text);
    });
    try {
      await fresh.connect();
      await fresh.query(`LISTEN ${channel}`);
    } catch (error) {
      fresh.end().catch(events.onError);
      throw error;
    }
    if (closed) {
      await fresh.end();
      return;
    }
    client = fresh;
    fresh.once('end', () => {
      if (client === fresh) client = undefined;
      if (!closed) reconnect(FIRST_RETRY_MS);
    });
  }

  function reconnect(delay: number): void {
    retry = setTimeout(() => {
      connect().then(events.onGap, (error) => {
        events.onError(error);
        if (!closed) reconnect(Math.min(delay * 2, SLOWEST_RETRY_MS));
      });
    }, delay);
  }

  try {
    await connect();
  } catch (error) {
    throw new AppError('unavailable', {
      message: `The live channel cannot reach PostgreSQL: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Check that PostgreSQL runs and that DATABASE_URL names it.',
      retryable: true,
      cause: error,
    });
  }

  return {
    send(text) {
      // One at a time: pg means to forbid a second query while the first is under way.
      const sent = sending.then(async () => {
        if (!client)
          throw new AppError('unavailable', { message: 'The live channel is interrupted.', retryable: true });
        await client.query(
          'SELECT pg_notify($1, piece) FROM unnest($2::text[]) WITH ORDINALITY AS p(piece, n) ORDER BY n',
          [channel, split(text, randomUUID())],
        );
      });
      sending = sent.catch(() => {
        // Its own caller is told; the next one is not to blame.
      });
      return sent;
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await sending;
      const open = client;
      client = undefined;
      await open?.end();
    },
  };
}
