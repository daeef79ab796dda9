import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { useTestDatabase } from '../../testing/database.ts';
import { type HubMessage, listenerCount, subscribe } from './hub.ts';
import { closeCourier, news } from './instance.ts';

const database = useTestDatabase();
afterAll(closeCourier);

async function connections(): Promise<number> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'holdfast-live' AND datname = current_database()`,
  );
  await client.end();
  return rows[0].n;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(10);
  }
}

test('a hundred streams share one connection, get the news, and no cancel notices meant for workers', async () => {
  const seen = Array.from({ length: 100 }, () => [] as HubMessage[]);
  const leave = await Promise.all(seen.map((messages) => subscribe((message) => messages.push(message))));
  expect(listenerCount()).toBe(100);
  expect(await connections()).toBe(1);
  news({ type: 'cancel', runId: randomUUID() });
  const message: HubMessage = { type: 'changed', noun: 'vault', id: randomUUID() };
  news(message);
  await until(() => seen.every((messages) => messages.length > 0));
  for (const messages of seen) expect(messages).toEqual([message]);
  for (const end of leave) end();
  expect(listenerCount()).toBe(0);
});

test('after an interruption every stream is told to read again', async () => {
  const seen: HubMessage[] = [];
  const leave = await subscribe((message) => seen.push(message));
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast-live' AND datname = current_database()`,
  );
  await client.end();
  await until(() => seen.some((message) => message.type === 'gap'));
  leave();
});
