'use client';

import type { ReactNode } from 'react';
import { type ErrorDetails, ErrorState } from '#components/ui/error-state.tsx';
import { toApiError } from '#lib/client/api.ts';

/** Whatever a query or a mutation threw, as what, why, what to do and the request id. */
export function errorDetails(error: unknown, what?: string): ErrorDetails {
  const known = toApiError(error);
  return {
    ...(what === undefined ? { title: known.detail } : { title: what, detail: known.detail }),
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    code: known.code,
    ...(known.requestId === undefined ? {} : { requestId: known.requestId }),
  };
}

export function LoadError({
  error,
  what,
  onRetry,
  retrying,
  actions,
  compact,
}: {
  error: unknown;
  /** "The vaults could not be read." */
  what?: string;
  onRetry?: () => void;
  retrying?: boolean;
  actions?: ReactNode;
  compact?: boolean;
}) {
  return (
    <ErrorState
      error={errorDetails(error, what)}
      {...(onRetry === undefined ? {} : { onRetry })}
      {...(retrying === undefined ? {} : { retrying })}
      {...(compact === undefined ? {} : { compact })}
      actions={actions}
    />
  );
}
