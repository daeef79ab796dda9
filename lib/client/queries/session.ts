'use client';

import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod';
import { type Permission, type SetupRequest, sessionView, setupState } from '#lib/contracts/access.ts';
import { api } from '../api.ts';
import { keys } from '../keys.ts';
import { endNews } from '../live/provider.tsx';

const SESSION_FRESH_MS = 300_000;

export function sessionQuery() {
  return queryOptions({
    queryKey: keys.session,
    queryFn: ({ signal }) => api(sessionView, '/session', { signal }),
    staleTime: SESSION_FRESH_MS,
  });
}

/** May the signed-in person do it? While unknown: no. The server decides anyway; this only hides what it would refuse. */
export function useMay(permission: Permission): boolean {
  const { data } = useQuery(sessionQuery());
  return data?.permissions.includes(permission) ?? false;
}

export function setupQuery() {
  return queryOptions({
    queryKey: keys.setup,
    queryFn: ({ signal }) => api(setupState, '/setup', { signal, anonymous: true }),
  });
}

export function useSetUp() {
  return useMutation({
    mutationFn: (body: SetupRequest) => api(z.unknown(), '/setup', { method: 'POST', body, anonymous: true }),
  });
}

const AUTH_BASE = '/api/auth';

export function useSignIn() {
  return useMutation({
    mutationFn: (body: { email: string; password: string }) => auth('/sign-in/email', body),
  });
}

/** Leaves by a full load: no answer of the old session may stay in memory. */
export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    // What is still being asked would come back as "not signed in".
    onMutate: async () => {
      endNews();
      await client.cancelQueries();
    },
    mutationFn: () => auth('/sign-out', {}),
    onSuccess: () => window.location.assign('/sign-in'),
    // Still signed in: the page starts anew, with its news.
    onError: () => window.location.reload(),
  });
}

/** All other sessions of the person end. */
export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { currentPassword: string; newPassword: string }) => auth('/change-password', body),
  });
}

/** Sign-in and its like stand beside the API and answer as it does: problems, and cookies no script can read. */
async function auth(path: string, body: unknown): Promise<void> {
  await api(z.unknown(), path, { method: 'POST', body, base: AUTH_BASE, anonymous: true });
}
