'use client';

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';
import { sessionList } from '#lib/contracts/access.ts';
import { api } from '../api.ts';

const KEY = ['account', 'sessions'] as const;

/** Where the person is signed in, newest first. */
export function ownSessionsQuery() {
  return queryOptions({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await api(sessionList, '/sessions', { signal })).items,
  });
}

export function useEndSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api(z.unknown(), `/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
  });
}
