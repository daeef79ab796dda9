// Puts jobs into queues, and waits for the answer of those that have one.

import type { Job, Queue } from 'bullmq';
import { z } from 'zod';
import { AppError, type ErrorCode } from '#lib/errors.ts';
import { CATALOG, type CallName, type JobAnswer, type JobName, type JobPayload, queueName } from './catalog.ts';
import { openQueueConnection, type QueueConnection, type QueueOptions } from './connection.ts';

export interface EnqueueOptions {
  /** Worker whose queue it goes to; needed by all jobs but those of the shared queue. */
  workerId?: string | null;
  /**
   * Own id. While a job of this id waits or runs, adding it again does nothing, so that delivering twice is harmless;
   * finished jobs of runs are removed at once, so that their id can be used again.
   */
  id?: string;
}

export interface CallOptions {
  workerId: string;
  /** Name of the worker for error messages. */
  workerName?: string;
  /** At most the catalog's time limit, which is the default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface JobQueues {
  enqueue<Name extends JobName>(name: Name, payload: JobPayload<Name>, options?: EnqueueOptions): Promise<void>;
  /** Enqueues and waits for the answer. The handler's AppError arrives as an AppError of the same code. */
  call<Name extends CallName>(name: Name, payload: JobPayload<Name>, options: CallOptions): Promise<JobAnswer<Name>>;
  close(): Promise<void>;
}

/** What a job that someone waits for returns: errors travel as values, because a queue only keeps the message of one. */
export const answerEnvelope = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), hint: z.string().optional() }),
]);
export type AnswerEnvelope = z.infer<typeof answerEnvelope>;

/** Failed jobs of runs go at once, too: their row says how it went, and the sweep may deliver the same id again. */
const ANSWER_KEPT_SECONDS = 60;
const FIRST_POLL_MS = 10;
const SLOWEST_POLL_MS = 150;

export async function openJobQueues(options: QueueOptions): Promise<JobQueues> {
  const connection = await openQueueConnection(options);
  return jobQueues(connection);
}

export function jobQueues(connection: QueueConnection): JobQueues {
  const queues = new Map<string, Queue>();

  function queueOf(name: JobName, workerId: string | null | undefined): Queue {
    const full = queueName(name, workerId);
    let queue = queues.get(full);
    if (!queue) {
      queue = connection.newQueue(full);
      queues.set(full, queue);
    }
    return queue;
  }

  async function add(name: JobName, payload: unknown, options: EnqueueOptions, keepSeconds: number): Promise<Job> {
    const definition = CATALOG[name];
    const keep = keepSeconds > 0 ? { age: keepSeconds } : true;
    try {
      return await queueOf(name, options.workerId).add(name, definition.payload.parse(payload), {
        attempts: definition.attempts,
        backoff: { type: 'exponential', delay: definition.backoffMs },
        removeOnComplete: keep,
        removeOnFail: keep,
        ...(options.id ? { jobId: options.id } : {}),
      });
    } catch (error) {
      if (error instanceof z.ZodError) throw error;
      throw new AppError('unavailable', {
        message: `The job "${name}" could not be put into the queue.`,
        hint: 'Check that the queue server (PostgreSQL, or Redis when REDIS_URL is set) runs.',
        retryable: true,
        cause: error,
      });
    }
  }

  return {
    async enqueue(name, payload, options = {}) {
      await add(name, payload, options, 0);
    },

    async call(name, payload, options) {
      const definition = CATALOG[name];
      const timeoutMs = Math.min(options.timeoutMs ?? definition.timeoutMs, definition.timeoutMs);
      const deadline = performance.now() + timeoutMs;
      const job = await add(name, payload, { workerId: options.workerId }, ANSWER_KEPT_SECONDS);
      const envelope = await waitForAnswer(queueOf(name, options.workerId), job, deadline, options.signal);
      if (envelope === undefined) {
        throw new AppError('timeout', {
          message: `The worker${options.workerName ? ` "${options.workerName}"` : ''} did not answer within ${Math.ceil(timeoutMs / 1000)} s.`,
          hint: 'Check on the page of workers whether it runs, and its log.',
          retryable: true,
        });
      }
      if (!envelope.ok) throw new AppError(envelope.code as ErrorCode, envelope);
      return definition.answer.parse(envelope.value) as JobAnswer<typeof name>;
    },

    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await connection.close();
    },
  };
}

/**
 * Asks for the job's state again and again instead of subscribing to its queue's events: a subscription costs one connection
 * per host and process on both backends, and an answer is there within a few of these questions or not at all.
 */
async function waitForAnswer(
  queue: Queue,
  job: Job,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<AnswerEnvelope | undefined> {
  const id = job.id as string;
  let pause = FIRST_POLL_MS;
  while (performance.now() < deadline) {
    if (signal?.aborted) {
      await forget(job);
      throw new AppError('cancelled', { message: 'The request was given up.', cause: signal.reason });
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, SLOWEST_POLL_MS);
    const now = await queue.getJob(id);
    if (!now) return undefined;
    if (now.finishedOn) {
      if (now.failedReason) {
        throw new AppError('internal', {
          message: `The worker failed to do the job "${job.name}": ${now.failedReason}`,
        });
      }
      return answerEnvelope.parse(now.returnvalue);
    }
  }
  await forget(job);
  return undefined;
}

async function forget(job: Job): Promise<void> {
  try {
    await job.remove();
  } catch {
    // A worker holds it: it ends there by its own time limit, and nobody reads the answer.
  }
}
