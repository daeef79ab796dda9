// Every job there is: name, payload, answer, queue, time limit, deliveries. Producers and handlers take their types from
// this table and from nowhere else. A payload is parsed when it is enqueued and again when it is received, because the
// process that reads it may be older or newer than the one that wrote it. Payloads are ids: rows carry the input.

import type { z } from 'zod';
import { listFolderJob, planRestoreJob, runJob } from '#lib/contracts/queue.ts';
import type { RunKind } from '#lib/contracts/runs.ts';
import { folderListing } from '#lib/contracts/workers.ts';

interface JobDefinition {
  payload: z.ZodType;
  /** Schema of the answer, for jobs that someone waits for; null for those nobody does. */
  answer: z.ZodType | null;
  /**
   * shared: any worker can do it. host: only the worker of that host. ask: the same, but a person waits for it, so it does not
   * stand in line behind backups.
   */
  queue: 'shared' | 'host' | 'ask';
  /** Work is stopped after this long; null for runs, which live by their lease instead and may take days. */
  timeoutMs: number | null;
  /** Deliveries when the handler throws. A run's own ending never throws: its row says how it went. */
  attempts: number;
  /** Doubles with each delivery. */
  backoffMs: number;
}

const MINUTE = 60_000;

/** Runs are delivered again when the database was away for a moment; claiming makes a second delivery harmless. */
const run = { payload: runJob, answer: null, timeoutMs: null, attempts: 5, backoffMs: 1_000 } as const;

export const CATALOG = {
  backup: { ...run, queue: 'host' },
  restore: { ...run, queue: 'host' },
  check: { ...run, queue: 'shared' },
  'plan-restore': {
    payload: planRestoreJob,
    answer: null,
    queue: 'ask',
    timeoutMs: 60 * MINUTE,
    attempts: 3,
    backoffMs: 2_000,
  },
  // A person waits for it with a folder picker open.
  'list-folder': {
    payload: listFolderJob,
    answer: folderListing,
    queue: 'ask',
    timeoutMs: 10_000,
    attempts: 1,
    backoffMs: 0,
  },
} as const satisfies Record<string, JobDefinition> & Record<RunKind, JobDefinition>;

export type JobName = keyof typeof CATALOG;
export type JobPayload<Name extends JobName> = z.infer<(typeof CATALOG)[Name]['payload']>;
export type JobAnswer<Name extends JobName> =
  (typeof CATALOG)[Name]['answer'] extends z.ZodType<infer Answer> ? Answer : undefined;
/** Jobs someone waits for. */
export type CallName = { [Name in JobName]: JobAnswer<Name> extends undefined ? never : Name }[JobName];

/**
 * How often a run may be started without a person asking again. A check only reads, so one that lost its worker starts once
 * more by itself. A backup or restore that broke off is reported instead: what stopped it may stop it again.
 */
export const RUN_ATTEMPTS: Record<RunKind, number> = { backup: 1, restore: 1, check: 2 };

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(CATALOG, name);
}

const SHARED_QUEUE = 'shared';

/** The queue of a job. Worker ids are UUIDs, so that no two queues have one name. */
export function queueName(name: JobName, workerId: string | null | undefined): string {
  const { queue } = CATALOG[name] as JobDefinition;
  if (queue === 'shared') return SHARED_QUEUE;
  if (!workerId) throw new Error(`the job ${name} needs a worker`);
  return `${queue}.${workerId}`;
}

/** The queues that a worker consumes. */
export function workerQueues(workerId: string): { runs: string[]; asks: string[] } {
  return { runs: [SHARED_QUEUE, `host.${workerId}`], asks: [`ask.${workerId}`] };
}
