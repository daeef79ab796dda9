'use client';

import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { CopyButton } from './copy.tsx';
import { StateMark } from './state.tsx';

export interface ErrorDetails {
  /** What failed, on what. */
  title: string;
  /** Why, where known. */
  detail?: string;
  /** What to do about it. */
  hint?: string;
  code?: string;
  requestId?: string;
}

/** Text for a ticket: everything a helper asks for first. */
export function errorText(error: ErrorDetails, where: string): string {
  return [
    error.title,
    error.detail,
    error.hint,
    error.code === undefined ? undefined : `code: ${error.code}`,
    error.requestId === undefined ? undefined : `request: ${error.requestId}`,
    `page: ${where}`,
  ]
    .filter((line) => line !== undefined && line !== '')
    .join('\n');
}

const REFERENCE_LENGTH = 8;

export function ErrorState({
  error,
  onRetry,
  retrying = false,
  actions,
  compact = false,
}: {
  error: ErrorDetails;
  onRetry?: () => void;
  retrying?: boolean;
  actions?: ReactNode;
  /** Inside a panel or a dialog. */
  compact?: boolean;
}) {
  // Short here; the copy has all of it.
  const reference = [error.code, error.requestId?.slice(0, REFERENCE_LENGTH)].filter(Boolean).join(' · ');
  return (
    <div role="alert" className={compact ? 'flex gap-2.5 rounded-md bg-bad-soft px-3 py-2.5' : 'flex gap-3 py-10'}>
      <StateMark tone="bad" className="mt-[5px]" />
      <div className="min-w-0 max-w-[68ch]">
        <p className={compact ? 'text-base font-medium' : 'text-lg font-semibold'}>{error.title}</p>
        {error.detail === undefined ? null : <p className="text-base text-ink-2">{error.detail}</p>}
        {error.hint === undefined ? null : <p className="mt-1 text-base text-ink">{error.hint}</p>}
        <div className="mt-2 flex flex-wrap items-center gap-2">
          {onRetry === undefined ? null : (
            <Button size="sm" busy={retrying} onClick={onRetry}>
              Try again
            </Button>
          )}
          {actions}
          <span className="inline-flex items-center gap-1 text-xs text-ink-2">
            <CopyButton
              text={errorText(error, typeof window === 'undefined' ? '' : window.location.pathname)}
              label="Copy details"
            />
            {reference === '' ? 'Copy details' : <span className="font-mono">{reference}</span>}
          </span>
        </div>
      </div>
    </div>
  );
}
