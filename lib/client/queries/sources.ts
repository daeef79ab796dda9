'use client';

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';
import { page } from '#lib/contracts/common.ts';
import { runView } from '#lib/contracts/runs.ts';
import { type CreateSource, type SourceView, sourceView, type UpdateSource } from '#lib/contracts/sources.ts';
import { api } from '../api.ts';
import { keys } from '../keys.ts';
import { putRun } from './runs.ts';

const sourcePage = page(sourceView);
const LIST_SIZE = 200;

/** All of them: an installation has tens, at most hundreds, and the list is filtered as one types. */
export function sourcesQuery() {
  return queryOptions({
    queryKey: keys.sources.list,
    queryFn: async ({ signal }) => {
      const all: SourceView[] = [];
      let cursor: string | null = null;
      do {
        const part: z.output<typeof sourcePage> = await api(sourcePage, '/sources', {
          query: { limit: LIST_SIZE, cursor },
          signal,
        });
        all.push(...part.items);
        cursor = part.nextCursor;
      } while (cursor !== null);
      return all;
    },
  });
}

export function sourceQuery(id: string) {
  return queryOptions({
    queryKey: keys.sources.one(id),
    queryFn: ({ signal }) => api(sourceView, `/sources/${id}`, { signal }),
  });
}

export function useCreateSource() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: CreateSource) => api(sourceView, '/sources', { method: 'POST', body }),
    onSuccess: (source) => {
      client.setQueryData(keys.sources.one(source.id), source);
      void client.invalidateQueries({ queryKey: keys.sources.list });
      void client.invalidateQueries({ queryKey: keys.overview });
    },
  });
}

export function useUpdateSource(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: UpdateSource) => api(sourceView, `/sources/${id}`, { method: 'PATCH', body }),
    onSuccess: (source) => {
      client.setQueryData(keys.sources.one(id), source);
      void client.invalidateQueries({ queryKey: keys.sources.list });
      void client.invalidateQueries({ queryKey: keys.overview });
    },
  });
}

/** The source goes; its recovery points stay in their vaults. */
export function useDeleteSource() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api(z.unknown(), `/sources/${id}`, { method: 'DELETE' }),
    onSuccess: (_nothing, id) => {
      client.removeQueries({ queryKey: keys.sources.one(id) });
      void client.invalidateQueries({ queryKey: keys.sources.list });
      void client.invalidateQueries({ queryKey: keys.overview });
      void client.invalidateQueries({ queryKey: keys.points.lists });
    },
  });
}

/** Answers the run, queued. */
export function useStartBackup() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ sourceId, vaultId }: { sourceId: string; vaultId: string }) =>
      api(runView, `/sources/${sourceId}/backups`, { method: 'POST', body: { vaultId } }),
    onSuccess: (run, { sourceId }) => {
      putRun(client, run);
      void client.invalidateQueries({ queryKey: keys.sources.one(sourceId) });
      void client.invalidateQueries({ queryKey: keys.sources.list });
      void client.invalidateQueries({ queryKey: keys.overview });
    },
  });
}
