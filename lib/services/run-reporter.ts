// What a working run tells the world: progress to the courier (2/s) and the row (1/s), log lines in batches.
//
// - Everything is written under the run's claim. The first write that finds the claim void calls onLost() and nothing is written after.
// - Failures of the database are not the run's failures: the next write carries what this one did not, and the lease decides
//   whether the worker may go on.
// - Calls never wait and never throw, so that they can be made from the engine's callbacks. drain() waits.

import type { RunLogLine } from '#lib/contracts/runs.ts';
import { type Claim, writeProgress } from '#lib/db/run-claims.ts';
import { insertLogLines, type NewLogLine } from '#lib/db/run-logs.ts';
import {
  advanceProgress,
  type ProgressState,
  type ProgressUpdate,
  progressView,
  startProgress,
} from '#lib/domain/progress.ts';
import { news } from '#lib/live/instance.ts';
import { COURIER_INTERVAL_MS, ROW_INTERVAL_MS, throttle } from '#lib/live/throttle.ts';
import { logger } from '#lib/logger.ts';

/** Lines wait this long for company. */
const LOG_INTERVAL_MS = 500;
const LOG_BATCH = 500;
/** A tree of unreadable files must not fill the database: the count goes on, the lines end here. */
const MOST_PROBLEM_LINES = 10_000;
const MOST_WAITING_LINES = 20_000;

export interface ReportedProblem {
  path: string;
  during: string;
  message: string;
}

export class RunReporter {
  readonly #claim: Claim;
  readonly #onLost: () => void;
  readonly #now: () => number;
  #state: ProgressState;
  #version: number;
  #lines: NewLogLine[] = [];
  #problemLines = 0;
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;
  readonly #toCourier = throttle<undefined>(COURIER_INTERVAL_MS, () => this.#sendNews());
  readonly #toRow = throttle<undefined>(ROW_INTERVAL_MS, () => this.#queueWrite(() => this.#writeRow()));
  readonly #toLog = throttle<undefined>(LOG_INTERVAL_MS, () => this.#queueWrite(() => this.#writeLines()));

  constructor(claim: Claim, options: { firstPhase: string; onLost: () => void; now?: () => number }) {
    this.#claim = claim;
    this.#onLost = options.onLost;
    this.#now = options.now ?? Date.now;
    this.#version = claim.version;
    this.#state = startProgress(options.firstPhase, this.#now());
    this.#changed();
  }

  /** The next phase, with the counters of the one before. */
  phase(phase: string): void {
    this.progress({ ...this.#state.update, phase });
  }

  progress(update: ProgressUpdate): void {
    const newPhase = update.phase !== this.#state.update.phase;
    this.#state = advanceProgress(this.#state, update, this.#now());
    this.#changed();
    // A new phase is rare and what people wait for: it does not wait.
    if (newPhase) this.#toCourier.flush();
  }

  log(level: RunLogLine['level'], message: string, detail: Record<string, unknown> | null = null): void {
    if (this.#stopped || this.#lines.length >= MOST_WAITING_LINES) return;
    this.#lines.push({ at: new Date(this.#now()), level, message: message.replaceAll('\0', '\\0'), detail });
    this.#toLog.push(undefined);
  }

  /** One path that did not go as asked; the run will end in warning. */
  problem(problem: ReportedProblem): void {
    this.#problemLines++;
    if (this.#problemLines > MOST_PROBLEM_LINES + 1) return;
    if (this.#problemLines === MOST_PROBLEM_LINES + 1) {
      this.log(
        'warn',
        `More than ${MOST_PROBLEM_LINES.toLocaleString('en')} problems: the others are counted, not listed.`,
      );
      return;
    }
    const { path, during, message } = problem;
    this.log('warn', message, { path, during });
  }

  /** Counters as they stand, for the last write. */
  view() {
    return progressView(this.#state, this.#now());
  }

  get version(): number {
    return this.#version;
  }

  /** Writes what waits and resolves when it is written, or could not be. Nothing is accepted afterwards. */
  async drain(): Promise<void> {
    this.#toCourier.stop();
    this.#toRow.stop();
    this.#toLog.stop();
    if (!this.#stopped) this.#queueWrite(() => this.#writeLines());
    await this.#writing;
    this.#stopped = true;
  }

  /** Drops what waits: the run is someone else's. */
  discard(): void {
    this.#stopped = true;
    this.#lines = [];
    this.#toCourier.stop();
    this.#toRow.stop();
    this.#toLog.stop();
  }

  #changed(): void {
    if (this.#stopped) return;
    this.#toCourier.push(undefined);
    this.#toRow.push(undefined);
  }

  #sendNews(): void {
    if (this.#stopped) return;
    this.#version++;
    news({
      type: 'run',
      runId: this.#claim.runId,
      version: this.#version,
      state: 'running',
      outcome: null,
      progress: this.view(),
    });
  }

  /** One write at a time: two of the same run in flight could arrive in the wrong order. */
  #queueWrite(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(async () => {
      if (this.#stopped) return;
      try {
        await write();
      } catch (error) {
        logger('run').warn({ err: error, runId: this.#claim.runId }, 'progress or log not written; trying again');
      }
    });
  }

  async #writeRow(): Promise<void> {
    const version = await writeProgress(this.#claim, this.view(), this.#version);
    if (version === null) {
      this.discard();
      this.#onLost();
      return;
    }
    this.#version = Math.max(this.#version, version);
  }

  async #writeLines(): Promise<void> {
    while (this.#lines.length > 0) {
      const batch = this.#lines.slice(0, LOG_BATCH);
      const lines = await insertLogLines(this.#claim.runId, batch);
      this.#lines.splice(0, batch.length);
      news({ type: 'run-log', runId: this.#claim.runId, lines });
    }
  }
}
