// Rate and time left of a run, from the engine's counters. Pure: the clock comes in with every call.
//
// - The rate looks back ten seconds, so that a pause shows within ten seconds and one large file does not make it jump.
// - Rate and time left start over with every phase: bytes read and bytes verified are not one quantity.
// - Time left is the larger of what bytes and files say: at the end of a tree of tiny files, bytes alone promise too much.

import type { RunProgress } from '#lib/contracts/runs.ts';

const WINDOW_MS = 10_000;
/** Samples closer together than this replace each other: 40 samples describe the window well enough. */
const SAMPLE_SPACING_MS = 250;
/** Below this span a rate is noise. */
const MIN_SPAN_MS = 500;

export interface ProgressUpdate {
  phase: string;
  filesDone: number;
  filesTotal?: number;
  bytesDone: number;
  bytesTotal?: number;
  bytesStored?: number;
  currentPath?: string;
  problems: number;
}

interface Sample {
  at: number;
  bytes: number;
  files: number;
}

export interface ProgressState {
  readonly phases: RunProgress['phases'];
  readonly samples: readonly Sample[];
  readonly update: ProgressUpdate;
}

/** The state before anything has been counted. `now` is milliseconds since the epoch. */
export function startProgress(phase: string, now: number): ProgressState {
  return {
    phases: [{ phase, startedAt: new Date(now).toISOString() }],
    samples: [{ at: now, bytes: 0, files: 0 }],
    update: { phase, filesDone: 0, bytesDone: 0, problems: 0 },
  };
}

export function advanceProgress(state: ProgressState, update: ProgressUpdate, now: number): ProgressState {
  const sample = { at: now, bytes: update.bytesDone, files: update.filesDone };
  if (update.phase !== state.update.phase) {
    // A phase that comes round again (a second pass) keeps its first place in the list.
    const seen = state.phases.some((known) => known.phase === update.phase);
    const phases = seen
      ? state.phases
      : [...state.phases, { phase: update.phase, startedAt: new Date(now).toISOString() }];
    return { phases, samples: [sample], update };
  }
  const kept = state.samples.filter((old, index) => {
    const next = state.samples[index + 1];
    // The newest sample that is already out of the window stays: it is where the window begins.
    return now - old.at <= WINDOW_MS || (next !== undefined && now - next.at < WINDOW_MS);
  });
  // The newest sample is always there; it gives way only when it stands too close to the one before it.
  const [before, last] = kept.slice(-2);
  const crowded = before !== undefined && last !== undefined && last.at - before.at < SAMPLE_SPACING_MS;
  const replaced = crowded ? kept.slice(0, -1) : kept;
  return { phases: state.phases, samples: [...replaced, sample], update };
}

/** What the row and the screens get. */
export function progressView(state: ProgressState, now: number): RunProgress {
  const { update } = state;
  const bytesPerSecond = rateOf(state, now, 'bytes');
  const view: RunProgress = {
    phase: update.phase,
    phases: [...state.phases],
    filesDone: update.filesDone,
    bytesDone: update.bytesDone,
    rate: bytesPerSecond ?? 0,
    problems: update.problems,
  };
  if (update.filesTotal !== undefined) view.filesTotal = update.filesTotal;
  if (update.bytesTotal !== undefined) view.bytesTotal = update.bytesTotal;
  if (update.bytesStored !== undefined) view.bytesStored = update.bytesStored;
  if (update.currentPath !== undefined) view.currentPath = update.currentPath;
  const eta = timeLeft(
    [update.bytesDone, update.bytesTotal, bytesPerSecond],
    [update.filesDone, update.filesTotal, rateOf(state, now, 'files')],
  );
  if (eta !== undefined) view.eta = eta;
  return view;
}

function rateOf(state: ProgressState, now: number, unit: 'bytes' | 'files'): number | undefined {
  const first = state.samples[0];
  const last = state.samples.at(-1);
  if (first === undefined || last === undefined) return undefined;
  // Counting up to now, not to the last callback: a stalled disk must show as a falling rate.
  const span = Math.max(now, last.at) - first.at;
  if (span < MIN_SPAN_MS) return undefined;
  return Math.max(0, ((last[unit] - first[unit]) * 1000) / span);
}

function timeLeft(...units: [done: number, total: number | undefined, rate: number | undefined][]): number | undefined {
  let longest: number | undefined;
  for (const [done, total, rate] of units) {
    if (total === undefined) return undefined;
    if (total <= done) continue;
    // Something is left and nothing moves: any number would be invented.
    if (rate === undefined || rate <= 0) return undefined;
    longest = Math.max(longest ?? 0, (total - done) / rate);
  }
  return longest === undefined ? undefined : Math.ceil(longest);
}
