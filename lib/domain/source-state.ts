// When a source counts as protected, and its 30-day strip. Nothing is green that is not good: a day with one failure is red,
// and the newest backup decides, not the last good one.

import type { RunOutcome } from '#lib/contracts/runs.ts';
import type { SourceState, SourceView } from '#lib/contracts/sources.ts';

const DAY_MS = 86_400_000;
export const STRIP_DAYS = 30;

/**
 * `newest`: outcome of the newest backup that ended by itself (cancelled ones say nothing about the source). `newestPaths`: what the newest
 * recovery point that is still in its vault holds, null without one. A source that was pointed at another folder since has no point
 * of what it protects now. `newestMissing`: the newest one of all is gone from its vault, so what that backup saved is not saved.
 */
export function sourceState(
  newest: RunOutcome | null,
  newestPaths: readonly string[] | null,
  folder: string,
  newestMissing = false,
): SourceState {
  if (newest === 'failed' || newest === 'lost') return 'failed';
  if (newestMissing) return 'missing';
  if (newestPaths === null || !holdsFolder(newestPaths, folder)) return 'never';
  return newest === 'warning' ? 'warning' : 'protected';
}

/** A folder given with an escaped character cannot be compared as text: it gets the benefit of the doubt. */
function holdsFolder(paths: readonly string[], folder: string): boolean {
  const plain = (path: string) => path.replace(/(?<=.)\/+$/, '');
  return folder.includes('\\') || paths.map(plain).includes(plain(folder));
}

export interface DayCount {
  /** YYYY-MM-DD in UTC. */
  day: string;
  outcome: string;
  runs: number;
}

/** First day of the strip that ends today. */
export function stripStart(now: Date): Date {
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  return new Date(today - (STRIP_DAYS - 1) * DAY_MS);
}

/** 30 days, oldest first; the worst outcome names the day. */
export function dayStrip(counts: readonly DayCount[], now: Date): SourceView['strip'] {
  const start = stripStart(now).getTime();
  return Array.from({ length: STRIP_DAYS }, (_, index) => {
    const day = new Date(start + index * DAY_MS).toISOString().slice(0, 10);
    const ofDay = counts.filter((count) => count.day === day);
    return {
      day,
      outcome: worst(ofDay.map((count) => count.outcome)),
      runs: ofDay.reduce((sum, { runs }) => sum + runs, 0),
    };
  });
}

function worst(outcomes: readonly string[]): SourceView['strip'][number]['outcome'] {
  if (outcomes.includes('failed') || outcomes.includes('lost')) return 'failed';
  if (outcomes.includes('warning')) return 'warning';
  return outcomes.includes('succeeded') ? 'succeeded' : 'none';
}
