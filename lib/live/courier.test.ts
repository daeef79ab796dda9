// News on both transports, with the real servers, through real interruptions.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { useTestDatabase } from '../../testing/database.ts';
import { testRedisUrl } from '../../testing/redis.ts';
import { type Courier, type CourierMessage, type CourierOptions, openCourier } from './courier.ts';

const database = useTestDatabase();

async function cutPostgres(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast-live' AND datname = current_database()`,
  );
  await client.end();
}

async function cutRedis(): Promise<void> {
  const url = testRedisUrl() as string;
  const client = new Redis(url);
  const db = new URL(url).pathname.slice(1);
  const list = (await client.client('LIST')) as string;
  for (const line of list.split('\n')) {
    const id = /^id=(\d+) .*name=holdfast-live .*db=(\d+) /.exec(line);
    if (id && id[2] === db) await client.client('KILL', 'ID', id[1] as string);
  }
  client.disconnect();
}

const transports = [
  { name: 'PostgreSQL', available: true, redis: () => undefined, cut: cutPostgres },
  { name: 'Redis', available: testRedisUrl() !== undefined, redis: testRedisUrl, cut: cutRedis },
];

const cancel = (): CourierMessage => ({ type: 'cancel', runId: randomUUID() });

async function until(condition: () => boolean, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(10);
  }
}

describe.each(transports)('courier over $name', ({ available, redis, cut }) => {
  let options: CourierOptions;
  const open: Courier[] = [];

  beforeAll(() => {
    options = {
      databaseUrl: database.url,
      redisUrl: redis(),
      channel: `t${randomUUID().replaceAll('-', '').slice(0, 20)}`,
    };
  });

  afterEach(async () => {
    for (const courier of open.splice(0)) await courier.close();
  });

  async function courier(): Promise<Courier> {
    const opened = await openCourier(options);
    open.push(opened);
    return opened;
  }

  function collect(from: Courier): CourierMessage[] {
    const seen: CourierMessage[] = [];
    from.subscribe((message) => seen.push(message));
    return seen;
  }

  test.skipIf(!available)('what one publishes all get, in order, the sender included', async () => {
    const [a, b] = [await courier(), await courier()];
    const seen = [collect(a), collect(b)];
    const sent = Array.from({ length: 50 }, cancel);
    for (const message of sent) await a.publish(message);
    await until(() => seen.every((messages) => messages.length === 50));
    expect(seen).toEqual([sent, sent]);
  });

  test.skipIf(!available)('news larger than any notice arrives whole', async () => {
    const [a, b] = [await courier(), await courier()];
    const seen = collect(b);
    const message: CourierMessage = {
      type: 'run-log',
      runId: randomUUID(),
      lines: Array.from({ length: 200 }, (_, id) => ({
        id: String(id),
        at: new Date(0).toISOString(),
        level: 'warn' as const,
        message: `Größe unbekannt: ${'🚆 '.repeat(60)}`,
        detail: { path: `/srv/${'ü'.repeat(100)}` },
      })),
    };
    expect(JSON.stringify(message).length).toBeGreaterThan(50_000);
    await a.publish(message);
    await until(() => seen.length > 0);
    expect(seen).toEqual([message]);
  });

  test.skipIf(!available)('a listener that left hears nothing more', async () => {
    const a = await courier();
    const [stays, leaves] = [collect(a), [] as CourierMessage[]];
    const leave = a.subscribe((message) => leaves.push(message));
    await a.publish(cancel());
    await until(() => stays.length === 1);
    leave();
    await a.publish(cancel());
    await until(() => stays.length === 2);
    expect(leaves.length).toBe(1);
  });

  test.skipIf(!available)('after an interruption it reconnects by itself, says so, and news flows again', async () => {
    const [a, b] = [await courier(), await courier()];
    const seen = collect(b);
    let gaps = 0;
    b.onGap(() => gaps++);
    await cut();
    await until(() => gaps > 0);
    const message = cancel();
    const deadline = performance.now() + 10_000;
    // The sender lost its connection as well and may need a moment more.
    while (
      !(await a.publish(message).then(
        () => true,
        () => false,
      ))
    ) {
      if (performance.now() > deadline) throw new Error('the sender did not come back');
      await sleep(50);
    }
    await until(() => seen.length > 0);
    expect(seen[0]).toEqual(message);
  });

  test.skipIf(!available)('publishing while interrupted fails at once instead of hanging', async () => {
    const a = await courier();
    await a.close();
    await expect(a.publish(cancel())).rejects.toMatchObject({ code: 'unavailable' });
  });
});
