// The queue as its users see it: catalog, producer and runtime together, on both servers that it may run on.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { workerQueues } from '#lib/queue/catalog.ts';
import { openQueueConnection, type QueueConnection, type QueueOptions } from '#lib/queue/connection.ts';
import { type JobQueues, jobQueues } from '#lib/queue/producer.ts';
import { useTestDatabase } from '../testing/database.ts';
import { testRedisUrl } from '../testing/redis.ts';
import { type JobHandlers, type Runtime, startRuntime } from './runtime.ts';

const database = useTestDatabase();

const listing = { path: '/srv', exists: true, parent: '/', folders: [], files: 3, truncated: false, writable: true };

function handlers(own: Partial<JobHandlers>): JobHandlers {
  const unexpected = async () => {
    throw new Error('not expected in this test');
  };
  return {
    backup: unexpected,
    restore: unexpected,
    check: unexpected,
    'plan-restore': unexpected,
    'list-folder': unexpected,
    ...own,
  };
}

async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await sleep(20);
  }
}

const backends = [
  { name: 'PostgreSQL', available: true, options: (): QueueOptions => ({ databaseUrl: database.url }) },
  {
    name: 'Redis',
    available: testRedisUrl() !== undefined,
    options: (): QueueOptions => ({ databaseUrl: database.url, redisUrl: testRedisUrl(), prefix: `t${randomUUID()}` }),
  },
];

describe.each(backends)('queue on $name', ({ available, options }) => {
  const closing: (() => Promise<void>)[] = [];
  let given: QueueOptions;

  beforeAll(() => {
    given = options();
  });

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function producer(): Promise<JobQueues> {
    const queues = jobQueues(await openQueueConnection(given));
    closing.push(() => queues.close());
    return queues;
  }

  async function consumer(workerId: string, own: Partial<JobHandlers>, concurrency = 2): Promise<Runtime> {
    const connection: QueueConnection = await openQueueConnection(given);
    const runtime = await startRuntime(connection, handlers(own), { workerId, concurrency });
    closing.push(async () => {
      await runtime.close();
      await connection.close();
    });
    return runtime;
  }

  test.skipIf(!available)('a job reaches the handler of its name with its payload', async () => {
    const workerId = randomUUID();
    const runId = randomUUID();
    const seen: string[] = [];
    const queues = await producer();
    await queues.enqueue('backup', { runId }, { workerId });
    await consumer(workerId, {
      backup: async (payload) => {
        seen.push(payload.runId);
      },
    });
    await until(() => seen.length > 0);
    expect(seen).toEqual([runId]);
  });

  test.skipIf(!available)('work for a host waits for that host, shared work goes to any worker', async () => {
    const [here, there] = [randomUUID(), randomUUID()];
    const seen: string[] = [];
    const queues = await producer();
    await consumer(here, {
      backup: async () => {
        seen.push('backup here');
      },
      check: async () => {
        seen.push('check here');
      },
    });
    await queues.enqueue('backup', { runId: randomUUID() }, { workerId: there });
    await queues.enqueue('check', { runId: randomUUID() });
    await until(() => seen.length > 0);
    await sleep(300);
    expect(seen).toEqual(['check here']);
    await consumer(there, {
      backup: async () => {
        seen.push('backup there');
      },
    });
    await until(() => seen.length > 1);
    expect(seen).toEqual(['check here', 'backup there']);
  });

  test.skipIf(!available)(
    'a job added twice under one id while it waits is done once, and can be added again afterwards',
    async () => {
      const workerId = randomUUID();
      const runId = randomUUID();
      let done = 0;
      const queues = await producer();
      await queues.enqueue('backup', { runId }, { workerId, id: `${runId}.0` });
      await queues.enqueue('backup', { runId }, { workerId, id: `${runId}.0` });
      await consumer(workerId, {
        backup: async () => {
          done++;
        },
      });
      await until(() => done > 0);
      await sleep(300);
      expect(done).toBe(1);
      await queues.enqueue('backup', { runId }, { workerId, id: `${runId}.0` });
      await until(() => done > 1);
      expect(done).toBe(2);
    },
  );

  test.skipIf(!available)('a handler that fails gets the job again after a pause', async () => {
    const workerId = randomUUID();
    let tries = 0;
    const queues = await producer();
    await consumer(workerId, {
      backup: async () => {
        tries++;
        if (tries === 1) throw new Error('the database is away');
      },
    });
    await queues.enqueue('backup', { runId: randomUUID() }, { workerId });
    await until(() => tries > 1);
    expect(tries).toBe(2);
  });

  test.skipIf(!available)('a payload that does not fit the catalog is refused when it is enqueued', async () => {
    const queues = await producer();
    await expect(queues.enqueue('check', { runId: 'not an id' })).rejects.toThrow();
  });

  test.skipIf(!available)('a payload that does not fit the catalog never reaches a handler', async () => {
    const workerId = randomUUID();
    const reached: string[] = [];
    const connection = await openQueueConnection(given);
    closing.push(() => connection.close());
    // As a process of another version would.
    const [, hostQueue] = workerQueues(workerId).runs as [string, string];
    const queue = connection.newQueue(hostQueue);
    closing.push(() => queue.close());
    await queue.add('backup', { runId: 17 }, { attempts: 3 });
    await queue.add('defragment', {}, { attempts: 3 });
    const good = randomUUID();
    await queue.add('backup', { runId: good }, {});
    await consumer(workerId, {
      backup: async (payload) => {
        reached.push(payload.runId);
      },
    });
    await until(() => reached.length > 0);
    await until(async () => (await queue.getFailedCount()) === 2);
    expect(reached).toEqual([good]);
  });

  test.skipIf(!available)('a call brings back the answer', async () => {
    const workerId = randomUUID();
    const queues = await producer();
    await consumer(workerId, { 'list-folder': async ({ path }) => ({ ...listing, path }) });
    await expect(queues.call('list-folder', { path: '/home', hidden: false }, { workerId })).resolves.toEqual({
      ...listing,
      path: '/home',
    });
  });

  test.skipIf(!available)('a call brings back the error with code and hint', async () => {
    const workerId = randomUUID();
    const queues = await producer();
    await consumer(workerId, {
      'list-folder': async () => {
        throw new AppError('permission-denied', { message: 'The folder may not be read.', hint: 'Give the right.' });
      },
    });
    await expect(queues.call('list-folder', { path: '/root', hidden: false }, { workerId })).rejects.toMatchObject({
      code: 'permission-denied',
      message: 'The folder may not be read.',
      hint: 'Give the right.',
    });
  });

  test.skipIf(!available)(
    'a call to a worker that is not there ends at the time limit, and is not done later',
    async () => {
      const workerId = randomUUID();
      let done = 0;
      const queues = await producer();
      await expect(
        queues.call('list-folder', { path: '/', hidden: false }, { workerId, workerName: 'attic', timeoutMs: 300 }),
      ).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('"attic"') });
      await consumer(workerId, {
        'list-folder': async () => {
          done++;
          return listing;
        },
      });
      await sleep(500);
      expect(done).toBe(0);
    },
  );

  test.skipIf(!available)('all queues together bring no more runs at once than the worker is to work', async () => {
    const workerId = randomUUID();
    let now = 0;
    let most = 0;
    let done = 0;
    const work = async () => {
      most = Math.max(most, ++now);
      await sleep(100);
      now--;
      done++;
    };
    const queues = await producer();
    for (let i = 0; i < 3; i++) {
      await queues.enqueue('backup', { runId: randomUUID() }, { workerId });
      await queues.enqueue('check', { runId: randomUUID() });
    }
    await consumer(workerId, { backup: work, check: work }, 2);
    await until(() => done === 6);
    expect(most).toBe(2);
  });

  test.skipIf(!available)('a folder is listed while all slots for runs are taken', async () => {
    const workerId = randomUUID();
    const gate = Promise.withResolvers<void>();
    let running = false;
    const queues = await producer();
    await consumer(
      workerId,
      {
        backup: async () => {
          running = true;
          await gate.promise;
        },
        'list-folder': async () => listing,
      },
      1,
    );
    await queues.enqueue('backup', { runId: randomUUID() }, { workerId });
    await queues.enqueue('backup', { runId: randomUUID() }, { workerId });
    await until(() => running);
    await expect(queues.call('list-folder', { path: '/', hidden: false }, { workerId })).resolves.toEqual(listing);
    gate.resolve();
  });

  test.skipIf(!available)('a stopped worker takes nothing new and finishes what it has', async () => {
    const workerId = randomUUID();
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const queues = await producer();
    const runtime = await consumer(workerId, {
      backup: async ({ runId }) => {
        seen.push(runId);
        await gate.promise;
      },
    });
    const first = randomUUID();
    await queues.enqueue('backup', { runId: first }, { workerId });
    await until(() => seen.length === 1);
    await runtime.pause();
    await queues.enqueue('backup', { runId: randomUUID() }, { workerId });
    await sleep(300);
    expect(seen).toEqual([first]);
    gate.resolve();
    await runtime.close();
    expect(seen).toEqual([first]);
  });
});
