'use client';

import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { page } from '#lib/contracts/common.ts';
import { folderListing, workerView } from '#lib/contracts/workers.ts';
import { api } from '../api.ts';
import { keys } from '../keys.ts';

const workerPage = page(workerView);
const LIST_SIZE = 200;
/** A worker is lost after 30 s without a sign; news tells of it, this is for when there is no news. */
const WORKERS_POLL_MS = 15_000;
const FOLDER_FRESH_MS = 5_000;

export function workersQuery() {
  return queryOptions({
    queryKey: keys.workers.list,
    queryFn: async ({ signal }) => (await api(workerPage, '/workers', { query: { limit: LIST_SIZE }, signal })).items,
    refetchInterval: WORKERS_POLL_MS,
  });
}

/** Folders of one folder on the worker's machine, read there and now. */
export function foldersQuery(workerId: string, path: string, hidden: boolean) {
  return queryOptions({
    queryKey: [...keys.workers.folders(workerId), path, hidden] as const,
    queryFn: ({ signal }) => api(folderListing, `/workers/${workerId}/folders`, { query: { path, hidden }, signal }),
    staleTime: FOLDER_FRESH_MS,
    placeholderData: keepPreviousData,
    // Not readable, not there: the answer is for the person, at once.
    retry: false,
  });
}
