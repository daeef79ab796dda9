// The one place that knows on what the queue runs: BullMQ on PostgreSQL (schema "bullmq") or, with a Redis address, on Redis.
//
// - One pool or pair of clients per process carries all its queues. Whoever opens it closes it, after all that uses it.
// - Callers that add jobs fail within seconds when the server is away: their row stays queued and the sweep delivers it later.
//   Workers wait and reconnect for ever.

import {
  createPostgresBackend,
  createRedisBackend,
  type Processor,
  type Queue,
  runMigrations,
  type Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { AppError } from '#lib/errors.ts';

export interface QueueOptions {
  databaseUrl: string;
  /** When given, jobs live in Redis instead of PostgreSQL. */
  redisUrl?: string | undefined;
  /** Redis only: first part of every key. */
  prefix?: string;
  /** PostgreSQL only: connections at most. Every consumed queue holds one of them for its LISTEN. */
  poolSize?: number;
  /** Connection troubles, for the log; everything reconnects by itself. */
  onError?: (error: Error) => void;
}

export type ConsumeOptions = Pick<
  WorkerOptions,
  'concurrency' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount' | 'autorun' | 'name'
>;

export interface QueueConnection {
  readonly kind: 'postgres' | 'redis';
  newQueue(name: string): Queue;
  newWorker(name: string, processor: Processor, options: ConsumeOptions): Worker;
  close(): Promise<void>;
}

const DEFAULT_PREFIX = 'holdfast';
const DEFAULT_POOL_SIZE = 8;
/** BullMQ's own default schema. It has to be the default one, because a pool that we own cannot carry another. */
const SCHEMA = 'bullmq';
/** Nobody listens to BullMQ's own events: news travels through lib/live. They are written all the same, so keep few. */
const EVENTS = { events: { maxLen: 100 } };
const CONNECT_TIMEOUT_MS = 5_000;
const KEEPALIVE_DELAY_MS = 10_000;

export async function openQueueConnection(options: QueueOptions): Promise<QueueConnection> {
  return options.redisUrl ? openRedis(options, options.redisUrl) : await openPostgres(options);
}

async function openPostgres(options: QueueOptions): Promise<QueueConnection> {
  const report = options.onError ?? (() => {});
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    max: options.poolSize ?? DEFAULT_POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // A LISTEN on a connection that silently died would not be noticed for an hour.
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
    options: `-c search_path=${SCHEMA}`,
    application_name: 'holdfast-queue',
  });
  // Every queue of the process adds its own listener to the pool it shares.
  pool.setMaxListeners(0);
  pool.on('error', report);
  try {
    const client = await pool.connect();
    try {
      // Under BullMQ's advisory lock: several processes may start at once.
      await runMigrations(client, SCHEMA);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw unreachable('PostgreSQL', 'DATABASE_URL', error);
  }
  const { Queue: PostgresQueue, Worker: PostgresWorker } = withBackend(createPostgresBackend);
  return {
    kind: 'postgres',
    newQueue(name) {
      const queue = new PostgresQueue(name, { connection: pool, streams: EVENTS });
      queue.on('error', report);
      // Both backends have one behaviour; only their type parameters differ, and those stop here.
      return queue as unknown as Queue;
    },
    newWorker(name, processor, consume) {
      const worker = new PostgresWorker(name, processor, { ...consume, connection: pool });
      worker.on('error', report);
      return worker as unknown as Worker;
    },
    close: () => pool.end(),
  };
}

function openRedis(options: QueueOptions, url: string): Promise<QueueConnection> {
  const report = options.onError ?? (() => {});
  const prefix = options.prefix ?? DEFAULT_PREFIX;
  const producer = new Redis(url, {
    maxRetriesPerRequest: 1,
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectionName: 'holdfast-queue',
    lazyConnect: true,
  });
  // Blocking reads must be allowed to wait through a restart of the server: BullMQ insists on null here.
  const consumer = new Redis(url, { maxRetriesPerRequest: null, connectionName: 'holdfast-worker', lazyConnect: true });
  for (const client of [producer, consumer]) {
    client.on('error', report);
    client.setMaxListeners(0);
  }
  const { Queue: RedisQueue, Worker: RedisWorker } = withBackend(createRedisBackend);
  const connection: QueueConnection = {
    kind: 'redis',
    newQueue(name) {
      const queue = new RedisQueue(name, { connection: producer, prefix, streams: EVENTS });
      queue.on('error', report);
      return queue as unknown as Queue;
    },
    newWorker(name, processor, consume) {
      const worker = new RedisWorker(name, processor, { ...consume, connection: consumer, prefix });
      worker.on('error', report);
      return worker as unknown as Worker;
    },
    async close() {
      producer.disconnect();
      consumer.disconnect();
    },
  };
  return producer.connect().then(
    () => connection,
    async (error) => {
      await connection.close();
      throw unreachable('Redis', 'REDIS_URL', error);
    },
  );
}

function unreachable(server: string, variable: string, cause: unknown): AppError {
  return new AppError('unavailable', {
    message: `The queue cannot reach ${server}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: `Check that ${server} runs and that ${variable} names it.`,
    retryable: true,
    cause,
  });
}
