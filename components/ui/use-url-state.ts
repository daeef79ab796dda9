'use client';

import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback } from 'react';

export type UrlChanges = Readonly<Record<string, string | null | undefined>>;

/**
 * Filters, sort, tab and path live in the address, so that "back" and a link in a ticket work. `set` keeps what it does
 * not name and removes what is null or empty. It asks nothing of the server. `push` for what a person would call going
 * somewhere (a folder, a tab), `replace` for typing.
 */
export function useUrlState() {
  const params = useSearchParams();
  const pathname = usePathname();
  const set = useCallback(
    (changes: UrlChanges, mode: 'push' | 'replace' = 'replace') => {
      const next = changed(new URLSearchParams(window.location.search), changes);
      const url = next === '' ? pathname : `${pathname}?${next}`;
      if (url === `${window.location.pathname}${window.location.search}`) return;
      if (mode === 'push') window.history.pushState(null, '', url);
      else window.history.replaceState(null, '', url);
    },
    [pathname],
  );
  const get = useCallback((name: string) => params.get(name) ?? '', [params]);
  const href = useCallback(
    (changes: UrlChanges) => {
      const next = changed(new URLSearchParams(params), changes);
      return next === '' ? pathname : `${pathname}?${next}`;
    },
    [params, pathname],
  );
  return { get, set, href };
}

function changed(params: URLSearchParams, changes: UrlChanges): string {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') params.delete(name);
    else params.set(name, value);
  }
  return params.toString();
}

export type UrlState = ReturnType<typeof useUrlState>;

/** One of a known set, else the fallback: an address can be typed by anyone. */
export function oneOf<V extends string>(value: string, known: readonly V[], fallback: V): V {
  return (known as readonly string[]).includes(value) ? (value as V) : fallback;
}
