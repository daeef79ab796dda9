// From the catalog to BullMQ's Worker and back: parse the payload, keep the time limit, call the handler, map its errors.
//
// - A run's ending is written on its row, whatever it is; its job then counts as done. Only trouble on the way to the row (the
//   database is away) makes a job fail, and then the queue delivers it again.
// - A job that someone waits for always completes, with an envelope that holds the answer or the error.

import { type Job, UnrecoverableError, type Worker } from 'bullmq';
import type { z } from 'zod';
import { AppError } from '#lib/errors.ts';
import { logger } from '#lib/logger.ts';
import { CATALOG, isJobName, type JobAnswer, type JobName, type JobPayload, workerQueues } from '#lib/queue/catalog.ts';
import type { QueueConnection } from '#lib/queue/connection.ts';
import type { AnswerEnvelope } from '#lib/queue/producer.ts';
import { describeError } from '#lib/services/run-execution.ts';

export type JobHandlers = {
  [Name in JobName]: (
    payload: JobPayload<Name>,
    signal: AbortSignal,
  ) => Promise<JobAnswer<Name> extends undefined ? void : JobAnswer<Name>>;
};

export interface RuntimeOptions {
  workerId: string;
  /** How many runs at once, from all queues together. */
  concurrency: number;
}

export interface Runtime {
  /** Takes no new jobs from here on. */
  pause(): Promise<void>;
  /** Waits for the jobs in hand, then lets go of the queues. */
  close(): Promise<void>;
}

const LOCK_MS = 30_000;
/** Folder listings and restore plans at once: the first wait for the disk, the second for the repository. */
const ASKS_AT_ONCE = 4;

export async function startRuntime(
  connection: QueueConnection,
  handlers: JobHandlers,
  options: RuntimeOptions,
): Promise<Runtime> {
  const stopping = new AbortController();
  const slots = new Slots(options.concurrency, stopping.signal);
  const names = workerQueues(options.workerId);
  const consume = (name: string, concurrency: number, work: (job: Job) => Promise<unknown>) =>
    connection.newWorker(name, work, { concurrency, lockDuration: LOCK_MS, autorun: false, name: options.workerId });
  const workers = [
    ...names.runs.map((name) =>
      consume(name, options.concurrency, (job) => slots.use(() => processJob(job, handlers, stopping.signal))),
    ),
    ...names.asks.map((name) => consume(name, ASKS_AT_ONCE, (job) => processJob(job, handlers, stopping.signal))),
  ];
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  for (const worker of workers) keepRunning(worker);
  return {
    async pause() {
      stopping.abort(new AppError('unavailable', { message: 'The worker is stopped.', retryable: true }));
      await Promise.all(workers.map((worker) => worker.pause(true)));
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

/** Two queues bring runs, and both together may not bring more than this worker is to work at once. */
class Slots {
  #free: number;
  readonly #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly #stopping: AbortSignal;

  constructor(count: number, stopping: AbortSignal) {
    this.#free = count;
    this.#stopping = stopping;
    stopping.addEventListener('abort', () => {
      // The queue delivers them again, here after the restart or elsewhere.
      for (const { reject } of this.#waiting.splice(0)) reject(stopping.reason);
    });
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#stopping.aborted) throw this.#stopping.reason;
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next.resolve();
      else this.#free++;
    }
  }
}

/** run() resolves when the worker is closed and rejects when its loop broke; the process then has no reason to live. */
function keepRunning(worker: Worker): void {
  worker.run().catch((error) => {
    logger('runtime').fatal({ err: error, queue: worker.name }, 'the queue consumer broke');
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  });
}

async function processJob(job: Job, handlers: JobHandlers, stopping: AbortSignal): Promise<unknown> {
  // Never log the payload: it is data of a customer.
  const log = logger('runtime').child({ job: job.name, jobId: job.id });
  if (!isJobName(job.name)) {
    log.error('a job of this name is unknown here; was it made by a newer version?');
    throw new UnrecoverableError(`unknown job ${job.name}`);
  }
  const definition = CATALOG[job.name];
  const payload = (definition.payload as z.ZodType).safeParse(job.data);
  if (!payload.success) {
    log.error(
      { issues: payload.error.issues.map((issue) => issue.path.join('.')) },
      'the payload of a job is not valid',
    );
    throw new UnrecoverableError('invalid payload');
  }
  const handler = handlers[job.name] as (payload: unknown, signal: AbortSignal) => Promise<unknown>;
  const run = () =>
    withTimeLimit(job.name as JobName, definition.timeoutMs, stopping, (signal) => handler(payload.data, signal));
  if (definition.answer === null) return void (await run());
  try {
    return { ok: true, value: (definition.answer as z.ZodType).parse(await run()) } satisfies AnswerEnvelope;
  } catch (error) {
    return { ok: false, ...describeError(error) } satisfies AnswerEnvelope;
  }
}

/** Runs have no time limit and their own way to stop (RunExecutor); for all others the signal says either. */
async function withTimeLimit<T>(
  name: JobName,
  timeoutMs: number | null,
  stopping: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (timeoutMs === null) return work(stopping);
  // Not AbortSignal.any: its sources would hold every job's signal for as long as the process lives.
  const own = new AbortController();
  const stop = () => own.abort(stopping.reason);
  if (stopping.aborted) stop();
  stopping.addEventListener('abort', stop, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new AppError('timeout', {
        message: `The worker gave up on "${name}" after ${Math.round(timeoutMs / 1000)} s.`,
        hint: 'A disk or share that does not answer is the usual reason.',
        retryable: true,
      });
      own.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(own.signal), late]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', stop);
  }
}
