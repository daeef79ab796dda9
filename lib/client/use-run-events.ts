'use client';

import { useQuery } from '@tanstack/react-query';
import type { RunView } from '#lib/contracts/runs.ts';
import { activeRunsQuery, runQuery } from './queries/runs.ts';

/** The run, live: snapshot and news merged. See live/provider.tsx for where the news comes from. */
export function useRun(id: string) {
  return useQuery(runQuery(id));
}

/** Queued and running runs, newest first. */
export function useActiveRuns(): readonly RunView[] {
  return useQuery(activeRunsQuery()).data ?? [];
}
