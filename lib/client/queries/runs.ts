'use client';

import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';
import { page } from '#lib/contracts/common.ts';
import { type LogLevel, type RunLogLine, type RunView, runLogLine, runView } from '#lib/contracts/runs.ts';
import { api } from '../api.ts';
import { keys, type RunFilters } from '../keys.ts';
import { mergeLog, newestRun, newestRuns } from '../live/merge.ts';

const runPage = page(runView);
const LIST_SIZE = 50;
const LOG_SIZE = 1000;
/** One reading ends after 20,000 lines; the next goes on from there. */
const LOG_PAGES = 20;

/** Newest first, page by page. */
export function runsQuery(filters: RunFilters = {}) {
  return infiniteQueryOptions({
    queryKey: keys.runs.list(filters),
    queryFn: ({ pageParam, signal }) =>
      api(runPage, '/runs', { query: { limit: LIST_SIZE, ...filters, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    structuralSharing: (old, next) => {
      const cached = (old as { pages: { items: RunView[] }[] } | undefined)?.pages.flatMap((one) => one.items);
      const fetched = next as { pages: { items: RunView[]; nextCursor: string | null }[]; pageParams: unknown[] };
      return { ...fetched, pages: fetched.pages.map((one) => ({ ...one, items: newestRuns(cached, one.items) })) };
    },
  });
}

export function isUnfinished(run: RunView): boolean {
  return run.state !== 'finished';
}

/** What runs or waits now: two small readings, because the list takes one state at a time. */
export function activeRunsQuery() {
  return queryOptions({
    queryKey: keys.runs.active,
    queryFn: async ({ signal }) => {
      const [running, queued] = await Promise.all(
        (['running', 'queued'] as const).map((state) =>
          api(runPage, '/runs', { query: { state, limit: LIST_SIZE }, signal }),
        ),
      );
      // One that moved from queued to running between the two readings is in both.
      const all = new Map<string, RunView>();
      for (const run of [...(queued?.items ?? []), ...(running?.items ?? [])]) all.set(run.id, run);
      return [...all.values()].sort((a, b) => b.queuedAt.localeCompare(a.queuedAt));
    },
    structuralSharing: (old, next) => newestRuns(old as RunView[] | undefined, next as RunView[]),
  });
}

export function runQuery(id: string) {
  return queryOptions({
    queryKey: keys.runs.one(id),
    queryFn: ({ signal }) => api(runView, `/runs/${id}`, { signal }),
    structuralSharing: (old, next) => newestRun(old as RunView | undefined, next as RunView),
  });
}

const logPage = z.object({ items: z.array(runLogLine) });

export interface RunLog {
  lines: readonly RunLogLine[];
  /** Id up to which lines were read without a gap; news may have added later ones with a gap before them. */
  readTo: string | undefined;
}

/** The log; each reading starts where the last one ended, so that what news missed is filled in. */
export function runLogQuery(id: string) {
  const key = keys.runs.log(id);
  return queryOptions({
    queryKey: key,
    queryFn: async ({ client, signal }): Promise<RunLog> => {
      const known = client.getQueryData<RunLog>(key);
      let readTo = known?.readTo;
      let lines: readonly RunLogLine[] = known?.lines ?? [];
      for (let turn = 0; turn < LOG_PAGES; turn += 1) {
        const more = await api(logPage, `/runs/${id}/log`, { query: { after: readTo, limit: LOG_SIZE }, signal });
        lines = mergeLog(lines, more.items);
        readTo = more.items.at(-1)?.id ?? readTo;
        if (more.items.length < LOG_SIZE) break;
      }
      // News that came while reading is in the cache only: it must not be lost to this answer.
      return { lines: mergeLog(client.getQueryData<RunLog>(key)?.lines ?? [], lines), readTo };
    },
    structuralSharing: false,
  });
}

export function linesOf(lines: readonly RunLogLine[], level: LogLevel | 'all'): readonly RunLogLine[] {
  if (level === 'all') return lines;
  return lines.filter((line) => line.level === level || (level === 'warn' && line.level === 'error'));
}

export function useCancelRun() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api(runView, `/runs/${id}/cancel`, { method: 'POST' }),
    onSuccess: (run) => putRun(client, run),
  });
}

/** Answers the new run. */
export function useRetryRun() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api(runView, `/runs/${id}/retry`, { method: 'POST' }),
    onSuccess: (run) => putRun(client, run),
  });
}

/** A run the server just gave us: known at once by its page, and the lists read it. */
export function putRun(client: ReturnType<typeof useQueryClient>, run: RunView): void {
  client.setQueryData<RunView>(keys.runs.one(run.id), (old) => newestRun(old, run));
  void client.invalidateQueries({ queryKey: keys.runs.lists });
  void client.invalidateQueries({ queryKey: keys.runs.active });
}
