// Carries one run from its claim to its end. The work itself is a function that gets an input, a signal and a reporter; this file
// knows nothing of what it does.
//
// - Only a queued run can be claimed, so a job that is delivered twice finds nothing to do the second time.
// - The lease is renewed every 10 s. When that fails because the run is someone else's, or has not succeeded for as long as the
//   lease lasts, the signal fires and nothing more is written: the sweep has decided, or will.
// - The row is written before the news of it.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RunError, RunInput, RunOutcome, RunResult } from '#lib/contracts/runs.ts';
import { type Claim, claimRun, type Ending, finishRun, renewLease, requeueRun } from '#lib/db/run-claims.ts';
import { RUN_PHASES } from '#lib/domain/run-phases.ts';
import { afterWorkerStop, errorOfResult, outcomeOfResult, stoppedError } from '#lib/domain/run-state.ts';
import { AppError, isAppError } from '#lib/errors.ts';
import type { Courier } from '#lib/live/courier.ts';
import { news } from '#lib/live/instance.ts';
import { logger } from '#lib/logger.ts';
import { RunReporter } from './run-reporter.ts';
import { announce, deliver } from './runs.ts';

export interface RunTask<Kind extends RunInput['kind'] = RunInput['kind']> {
  claim: Claim;
  input: Extract<RunInput, { kind: Kind }>;
  /** Fires when the run is to stop; its reason says why. Work stops within moments and throws. */
  signal: AbortSignal;
  report: RunReporter;
}

export interface RunEnd {
  result: RunResult;
  recoveryPointId?: string;
}

export type RunWork = { [Kind in RunInput['kind']]: (task: RunTask<Kind>) => Promise<RunEnd> };

export interface ExecutorOptions {
  workerId: string;
  work: RunWork;
  courier: Courier;
  /** How long a worker may be silent before its runs are taken from it. */
  leaseMs?: number;
  renewMs?: number;
}

export type ExecuteOutcome = RunOutcome | 'not-ours' | 'lost-lease' | 'requeued';

/** 40 s are four renewals: a database that restarts within half a minute costs no run. */
const LEASE_MS = 40_000;
const RENEW_MS = 10_000;
const FINISH_RETRY_MS = 1_000;
/** No time for an answer: a question sent now could prolong the lease of a run that this worker has given up. Timers may fire early. */
const LAST_CHANCE_MS = 10;

type StopReason = 'cancel' | 'lost' | 'stop';

interface Running {
  controller: AbortController;
  reason: StopReason | undefined;
  renewNow: () => void;
}

export class RunExecutor {
  readonly #options: Required<ExecutorOptions>;
  readonly #running = new Map<string, Running>();
  readonly #unsubscribe: (() => void)[];
  #stopping = false;

  constructor(options: ExecutorOptions) {
    this.#options = { leaseMs: LEASE_MS, renewMs: RENEW_MS, ...options };
    this.#unsubscribe = [
      options.courier.subscribe((message) => {
        if (message.type === 'cancel') this.#stop(message.runId, 'cancel');
      }),
      // A notice may have been in what was lost: renewing a lease reads the flag.
      options.courier.onGap(() => {
        for (const run of this.#running.values()) run.renewNow();
      }),
    ];
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Stops all runs because the process ends: they are queued again or end as failed, as their kind says. */
  stopAll(): void {
    this.#stopping = true;
    for (const runId of this.#running.keys()) this.#stop(runId, 'stop');
  }

  dispose(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  async execute(runId: string): Promise<ExecuteOutcome> {
    const { workerId, leaseMs } = this.#options;
    if (this.#stopping) throw new AppError('unavailable', { message: 'This worker is stopping.', retryable: true });
    const claimedAt = performance.now();
    const claim = await claimRun(runId, workerId, leaseMs);
    if (!claim) return 'not-ours';
    const running: Running = { controller: new AbortController(), reason: undefined, renewNow: () => {} };
    this.#running.set(runId, running);
    if (this.#stopping) this.#stop(runId, 'stop');
    announce({ id: runId, version: claim.version, state: 'running', outcome: null, progress: null });
    const report = new RunReporter(claim, {
      firstPhase: RUN_PHASES[claim.input.kind][0]?.key ?? 'opening',
      onLost: () => this.#stop(runId, 'lost'),
    });
    const keeping = this.#keepLease(claim, running, claimedAt);
    try {
      return await this.#carryOut(claim, running, report);
    } finally {
      keeping.end();
      await keeping.ended;
      this.#running.delete(runId);
    }
  }

  async #carryOut(claim: Claim, running: Running, report: RunReporter): Promise<ExecuteOutcome> {
    let ending: Ending;
    try {
      const task = { claim, input: claim.input, signal: running.controller.signal, report };
      // The input's kind picks the function that takes this kind of input: the compiler cannot see that the two agree.
      const work = this.#options.work[claim.input.kind] as (task: RunTask) => Promise<RunEnd>;
      const end = await work(task);
      // It came to its end before a late stop reached it: then that is how it ended.
      ending = { outcome: outcomeOfResult(end.result), ...end, error: errorOfResult(end.result) };
    } catch (error) {
      switch (running.reason) {
        case 'lost':
          report.discard();
          return 'lost-lease';
        case 'cancel':
          ending = { outcome: 'cancelled' };
          break;
        case 'stop':
          return this.#afterStop(claim, report);
        default:
          ending = { outcome: 'failed', error: describeError(error) };
          if (!isAppError(error) || error.code === 'internal') {
            logger('run').error({ err: error, runId: claim.runId }, 'run failed unexpectedly');
          }
      }
    }
    if (ending.error) report.log('error', ending.error.message);
    report.log(ending.outcome === 'succeeded' ? 'info' : 'warn', `Ended: ${ending.outcome}.`);
    return this.#finish(claim, report, ending);
  }

  async #afterStop(claim: Claim, report: RunReporter): Promise<ExecuteOutcome> {
    const lease = await this.#patiently(() => renewLease(claim, this.#options.leaseMs));
    const next = afterWorkerStop({ ...claim, cancelRequested: lease?.cancelRequested ?? false });
    if (next !== 'requeue') {
      const error = next === 'failed' ? stoppedError(claim.input.kind) : null;
      if (error) report.log('error', error.message);
      return this.#finish(claim, report, { outcome: next, error });
    }
    report.log('warn', 'The worker is stopped; the run goes back into the queue.');
    await report.drain();
    const run = await this.#patiently(() => requeueRun(claim));
    if (!run) return 'lost-lease';
    announce({ id: run.id, version: run.version, state: 'queued', outcome: null, progress: null });
    await deliver(run);
    return 'requeued';
  }

  async #finish(claim: Claim, report: RunReporter, ending: Ending): Promise<ExecuteOutcome> {
    await report.drain();
    const progress = report.view();
    const version = await this.#patiently(() => finishRun(claim, { ...ending, progress, version: report.version }));
    if (version === null) return 'lost-lease';
    news({ type: 'run', runId: claim.runId, version, state: 'finished', outcome: ending.outcome, progress });
    return ending.outcome;
  }

  /** The end of hours of work is worth waiting for a database that restarts, but not longer than the lease lasts. */
  async #patiently<T>(write: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#options.leaseMs;
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (performance.now() + FINISH_RETRY_MS > deadline) throw error;
        await sleep(FINISH_RETRY_MS);
      }
    }
  }

  #stop(runId: string, reason: StopReason): void {
    const running = this.#running.get(runId);
    // The first reason counts, except that a lost run stays lost whatever else is said about it.
    if (!running || (running.reason && reason !== 'lost')) return;
    running.reason = reason;
    running.controller.abort(new AppError('cancelled', { message: STOP_WORDS[reason] }));
  }

  #keepLease(claim: Claim, running: Running, claimedAt: number): { end: () => void; ended: Promise<void> } {
    const { leaseMs, renewMs } = this.#options;
    let over = false;
    let wake = () => {};
    running.renewNow = () => wake();
    const loop = async () => {
      // Reckoned from before the question was sent: the database's clock started later than that, never earlier.
      let heldSince = claimedAt;
      while (!over) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(renewMs, Math.max(0, heldSince + leaseMs - performance.now())));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        if (over) return;
        const askedAt = performance.now();
        const lease = await this.#renew(claim, heldSince + leaseMs - askedAt);
        if (over) return;
        if (lease === null) {
          this.#stop(claim.runId, 'lost');
          return;
        }
        if (lease) heldSince = askedAt;
        if (lease?.cancelRequested) this.#stop(claim.runId, 'cancel');
      }
    };
    const end = () => {
      over = true;
      wake();
    };
    return { end, ended: loop() };
  }

  /** The lease; null when it is certainly or possibly not ours any more; undefined when the database did not say in time to ask again. */
  async #renew(claim: Claim, timeLeftMs: number): Promise<{ cancelRequested: boolean } | null | undefined> {
    if (timeLeftMs < LAST_CHANCE_MS) return null;
    const timer = new AbortController();
    try {
      // A connection that hangs answers nothing at all: half of what is left, so that there is time for a second try.
      const silence = sleep(Math.max(timeLeftMs / 2, 50), undefined, { signal: timer.signal });
      silence.catch(() => {});
      return await Promise.race([renewLease(claim, this.#options.leaseMs), silence]);
    } catch (error) {
      logger('run').warn({ err: error, runId: claim.runId }, 'lease not renewed; trying again');
      await sleep(Math.min(FINISH_RETRY_MS, timeLeftMs / 4));
      return undefined;
    } finally {
      timer.abort();
    }
  }
}

const STOP_WORDS: Record<StopReason, string> = {
  cancel: 'The run was cancelled.',
  lost: 'The run was taken from this worker.',
  stop: 'The worker is stopped.',
};

export function describeError(error: unknown): RunError {
  if (isAppError(error)) {
    return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    message: `Something unexpected went wrong: ${message}`,
    hint: 'The log of the worker has the details.',
  };
}
