// Query keys: one place, so that news and mutations hit exactly what they mean. Shape: [noun, view, …arguments].

import type { RecoveryPointQuery } from '#lib/contracts/recovery-points.ts';
import type { RunQuery } from '#lib/contracts/runs.ts';

export type RunFilters = Partial<Omit<RunQuery, 'cursor'>>;
export type PointFilters = Partial<Omit<RecoveryPointQuery, 'cursor'>>;

export const keys = {
  session: ['session'] as const,
  setup: ['setup'] as const,
  overview: ['overview'] as const,
  runs: {
    all: ['runs'] as const,
    lists: ['runs', 'list'] as const,
    list: (filters: RunFilters) => ['runs', 'list', filters] as const,
    /** Queued and running ones: rail badge, work strip. */
    active: ['runs', 'active'] as const,
    ones: ['runs', 'one'] as const,
    one: (id: string) => ['runs', 'one', id] as const,
    log: (id: string) => ['runs', 'log', id] as const,
  },
  sources: {
    all: ['sources'] as const,
    list: ['sources', 'list'] as const,
    one: (id: string) => ['sources', 'one', id] as const,
  },
  vaults: {
    all: ['vaults'] as const,
    list: ['vaults', 'list'] as const,
    one: (id: string) => ['vaults', 'one', id] as const,
  },
  points: {
    all: ['recovery-points'] as const,
    lists: ['recovery-points', 'list'] as const,
    list: (filters: PointFilters) => ['recovery-points', 'list', filters] as const,
    timelines: ['recovery-points', 'timeline'] as const,
    /** All points of one source, for the timeline. */
    timeline: (sourceId: string) => ['recovery-points', 'timeline', sourceId] as const,
    one: (id: string) => ['recovery-points', 'one', id] as const,
    entries: (id: string) => ['recovery-points', 'entries', id] as const,
    diff: (id: string, withId: string) => ['recovery-points', 'diff', id, withId] as const,
  },
  workers: {
    all: ['workers'] as const,
    list: ['workers', 'list'] as const,
    one: (id: string) => ['workers', 'one', id] as const,
    folders: (workerId: string) => ['workers', 'folders', workerId] as const,
  },
  plans: { all: ['restore-plans'] as const, one: (id: string) => ['restore-plans', id] as const },
};
