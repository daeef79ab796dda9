'use client';

import { queryOptions } from '@tanstack/react-query';
import { type OverviewView, overviewView } from '#lib/contracts/overview.ts';
import { api } from '../api.ts';
import { keys } from '../keys.ts';
import { newestRuns } from '../live/merge.ts';

export function overviewQuery() {
  return queryOptions({
    queryKey: keys.overview,
    queryFn: ({ signal }) => api(overviewView, '/overview', { signal }),
    structuralSharing: (old, next) => {
      const fetched = next as OverviewView;
      return { ...fetched, running: newestRuns((old as OverviewView | undefined)?.running, fetched.running) };
    },
  });
}
