'use client';

import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import { page } from '#lib/contracts/common.ts';
import {
  diffView,
  type EntryQuery,
  entryPage,
  type RecoveryPointView,
  recoveryPointDetail,
  recoveryPointView,
} from '#lib/contracts/recovery-points.ts';
import { api, apiUrl } from '../api.ts';
import { keys, type PointFilters } from '../keys.ts';

const pointPage = page(recoveryPointView);
const LIST_SIZE = 50;
const TIMELINE_PART = 200;
/** Five years of daily points; what is older is in the list. */
const TIMELINE_PARTS = 10;
/** A recovery point never changes, so what was read of it stays good as long as the page lives. */
const UNCHANGING = Number.POSITIVE_INFINITY;
/** A folder of 100,000 entries is 400 parts; those far from view are dropped after this. */
const ENTRY_PART_KEPT_MS = 120_000;

export function pointsQuery(filters: PointFilters = {}) {
  return infiniteQueryOptions({
    queryKey: keys.points.list(filters),
    queryFn: ({ pageParam, signal }) =>
      api(pointPage, '/recovery-points', { query: { limit: LIST_SIZE, ...filters, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
  });
}

/** Points of one source, newest first. */
export function timelineQuery(sourceId: string) {
  return queryOptions({
    queryKey: keys.points.timeline(sourceId),
    queryFn: async ({ signal }) => {
      const all: RecoveryPointView[] = [];
      let cursor: string | null = null;
      for (let part = 0; part < TIMELINE_PARTS; part += 1) {
        const answer: z.output<typeof pointPage> = await api(pointPage, '/recovery-points', {
          query: { sourceId, limit: TIMELINE_PART, cursor },
          signal,
        });
        all.push(...answer.items);
        cursor = answer.nextCursor;
        if (cursor === null) break;
      }
      return { points: all, complete: cursor === null };
    },
  });
}

export function pointQuery(id: string) {
  return queryOptions({
    queryKey: keys.points.one(id),
    queryFn: ({ signal }) => api(recoveryPointDetail, `/recovery-points/${id}`, { signal }),
    staleTime: 60_000,
  });
}

export const ENTRY_PART = 250;

export type EntryOrder = Pick<EntryQuery, 'path' | 'search' | 'sort' | 'order'>;

/** The n-th part of a folder as it is sorted and searched. */
export function entriesQuery(id: string, view: EntryOrder, part: number) {
  return queryOptions({
    queryKey: [...keys.points.entries(id), view.path, view.search ?? '', view.sort, view.order, part] as const,
    queryFn: ({ signal }) =>
      api(entryPage, `/recovery-points/${id}/entries`, {
        query: { ...view, offset: part * ENTRY_PART, limit: ENTRY_PART },
        signal,
      }),
    staleTime: UNCHANGING,
    gcTime: ENTRY_PART_KEPT_MS,
    placeholderData: part === 0 ? keepPreviousData : undefined,
  });
}

const DIFF_PART = 1_000;
/** More than anyone reads; filters work on what is here. */
export const DIFF_MOST = 20_000;

/** What changed from `withId` to `id`. The server compares once and keeps the result, so the parts come quickly. */
export function diffQuery(id: string, withId: string) {
  return infiniteQueryOptions({
    queryKey: keys.points.diff(id, withId),
    queryFn: ({ pageParam, signal }) =>
      api(diffView, `/recovery-points/${id}/diff`, {
        query: { with: withId, offset: pageParam, limit: DIFF_PART },
        signal,
      }),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const read = pages.length * DIFF_PART;
      return last.changes.length < DIFF_PART || read >= DIFF_MOST ? null : read;
    },
    staleTime: UNCHANGING,
    retry: false,
  });
}

/** One file as it is; a folder, or several paths, as an archive. */
export function downloadUrl(id: string, paths: readonly string[], format: 'tar' | 'zip'): string {
  return apiUrl(`/recovery-points/${id}/download`, { path: paths, format });
}
