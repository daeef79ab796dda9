'use client';

import { queryOptions, useMutation, useQuery } from '@tanstack/react-query';
import { z } from 'zod';
import { type Permission, type SetupRequest, sessionView, setupState } from '#lib/contracts/access.ts';
import { ApiError, api } from '../api.ts';
import { keys } from '../keys.ts';

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
  return useMutation({
    mutationFn: () => auth('/sign-out', {}),
    onSuccess: () => window.location.assign('/sign-in'),
  });
}

/** All other sessions of the person end. */
export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { currentPassword: string; newPassword: string }) =>
      auth('/change-password', { ...body, revokeOtherSessions: true }),
  });
}

/** better-auth's own routes answer { code, message }, not problem+json: put into the console's words here. */
async function auth(path: string, body: unknown): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`${AUTH_BASE}${path}`, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new ApiError(
      {
        status: 0,
        code: 'unreachable',
        detail: 'The console does not answer.',
        hint: 'Check that Holdfast is running, then try again.',
      },
      error,
    );
  }
  if (response.ok) return;
  const answer = (await response.json().catch(() => ({}))) as { code?: string; message?: string };
  throw new ApiError({ status: response.status, code: answer.code ?? 'unauthenticated', ...words(response, answer) });
}

function words(response: Response, answer: { code?: string; message?: string }): { detail: string; hint?: string } {
  if (response.status === 429) {
    const seconds = Number(response.headers.get('x-retry-after') ?? response.headers.get('retry-after'));
    return {
      detail: 'Too many tries to sign in from here.',
      hint: `Wait ${Number.isFinite(seconds) && seconds > 0 ? `${seconds} seconds` : 'a minute'}, then try again.`,
    };
  }
  switch (answer.code) {
    case 'INVALID_EMAIL_OR_PASSWORD':
      return { detail: 'Email and password do not match.', hint: 'Check both; capital letters count in the password.' };
    case 'INVALID_PASSWORD':
      return { detail: 'The current password is not right.' };
    default:
      return { detail: answer.message ?? `The server answered ${response.status}.` };
  }
}
