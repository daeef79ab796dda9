// How news and snapshots of a run meet. They arrive in any order over different channels; the version decides.

import type { LiveEvent } from '#lib/contracts/events.ts';
import type { RunLogLine, RunView } from '#lib/contracts/runs.ts';

export type RunEvent = Extract<LiveEvent, { type: 'run' }>;

/** The run with the event's news in it, or the very same object when the event is old. */
export function mergeRunEvent(run: RunView, event: RunEvent): RunView {
  if (run.id !== event.runId || event.version <= run.version) return run;
  return {
    ...run,
    version: event.version,
    state: event.state,
    outcome: event.outcome,
    progress: event.progress ?? run.progress,
  };
}

/**
 * True when the event says something its short form cannot carry (start and end times, result, error): then the row itself
 * has to be read. An event that is already merged, or only progress, is not such news, but for a run that is under way here
 * without having started: the reading that should have told when was lost.
 */
export function needsRow(run: RunView, event: RunEvent): boolean {
  if (event.version <= run.version) return false;
  if (event.state === 'running' && run.startedAt === null) return true;
  return run.state !== event.state || run.outcome !== event.outcome;
}

/**
 * A snapshot just fetched against what is cached. An answer that was under way while an event overtook it must not turn
 * the bar back; but what only rows carry (result, error, times) is taken over even then.
 */
export function newestRun(cached: RunView | undefined, fetched: RunView): RunView {
  if (cached === undefined || cached.id !== fetched.id || fetched.version >= cached.version) return fetched;
  return {
    ...fetched,
    version: cached.version,
    state: cached.state,
    outcome: cached.outcome,
    progress: cached.progress,
    result: fetched.result ?? cached.result,
    error: fetched.error ?? cached.error,
    startedAt: fetched.startedAt ?? cached.startedAt,
    finishedAt: fetched.finishedAt ?? cached.finishedAt,
  };
}

/** Each fetched run against its cached twin. */
export function newestRuns(cached: readonly RunView[] | undefined, fetched: readonly RunView[]): RunView[] {
  if (cached === undefined || cached.length === 0) return [...fetched];
  const known = new Map(cached.map((run) => [run.id, run]));
  return fetched.map((run) => newestRun(known.get(run.id), run));
}

/** The same list when nothing in it is new, so that React has nothing to do. */
export function mergeIntoList(runs: RunView[], event: RunEvent): RunView[] {
  const at = runs.findIndex((run) => run.id === event.runId);
  const old = runs[at];
  if (old === undefined) return runs;
  const merged = mergeRunEvent(old, event);
  return merged === old ? runs : runs.with(at, merged);
}

/** Lines in order of id, each once. Ids are decimal strings: a longer one is larger. */
export function mergeLog(lines: readonly RunLogLine[], more: readonly RunLogLine[]): readonly RunLogLine[] {
  if (more.length === 0) return lines;
  const last = lines.at(-1);
  const first = more[0];
  if (last === undefined || (first !== undefined && compareIds(last.id, first.id) < 0 && isOrdered(more))) {
    return [...lines, ...more];
  }
  const byId = new Map(lines.map((line) => [line.id, line]));
  const before = byId.size;
  for (const line of more) byId.set(line.id, line);
  if (byId.size === before) return lines;
  return [...byId.values()].sort((a, b) => compareIds(a.id, b.id));
}

export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function isOrdered(lines: readonly RunLogLine[]): boolean {
  return lines.every((line, index) => index === 0 || compareIds(lines[index - 1]?.id ?? '', line.id) < 0);
}
