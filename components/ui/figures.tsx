'use client';

import { type ReactNode, useSyncExternalStore } from 'react';
import { formatBytes, formatDuration, formatExactBytes, formatInstant, formatRelative } from '#lib/client/format.ts';
import { Tooltip } from './tooltip.tsx';

// One clock for all relative times on a page: they change together, and one timer is enough.
const TICK_MS = 5_000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();

function subscribe(listener: () => void): () => void {
  now = Date.now();
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time now, moving every 5 s. */
export function useNow(): number {
  return useSyncExternalStore(
    subscribe,
    () => now,
    () => now,
  );
}

/** "4 min ago"; the absolute time on hover and for a screen reader. */
export function RelativeTime({ at, prefix }: { at: string; prefix?: string }) {
  const current = useNow();
  const time = Date.parse(at);
  return (
    <Tooltip content={formatInstant(time)}>
      {/* Server and browser may differ by a tick or a time zone: the browser's word counts. */}
      <time dateTime={at} suppressHydrationWarning className="relative z-10 whitespace-nowrap tabular">
        {prefix === undefined ? null : `${prefix} `}
        {formatRelative(time, Math.max(current, Math.min(time, Date.now())))}
      </time>
    </Tooltip>
  );
}

/** "1.4 GiB"; the exact figure on hover. */
export function Bytes({ value }: { value: number }) {
  return (
    <Tooltip content={formatExactBytes(value)}>
      <span className="relative z-10 whitespace-nowrap tabular">{formatBytes(value)}</span>
    </Tooltip>
  );
}

/** Between two instants, or since the first while there is no second. */
export function Duration({ from, to }: { from: string; to: string | null }) {
  const current = useNow();
  const end = to === null ? Math.max(current, Date.now()) : Date.parse(to);
  return (
    <span suppressHydrationWarning className="whitespace-nowrap tabular">
      {formatDuration(end - Date.parse(from))}
    </span>
  );
}

/** What is unknown or does not apply. */
export function None({ children = 'none' }: { children?: ReactNode }) {
  return (
    <span className="text-ink-3">
      <span aria-hidden="true">–</span>
      <span className="sr-only">{children}</span>
    </span>
  );
}
