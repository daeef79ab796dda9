'use client';

import { useMemo } from 'react';
import type { Sort } from './table.tsx';
import { useUrlState } from './use-url-state.ts';

/** A table's order in the address: `?sort=name` or `?sort=-name`. */
export function useSort(fallback: Sort, parameter = 'sort'): [Sort, (sort: Sort) => void] {
  const { get, set } = useUrlState();
  const text = get(parameter);
  const sort = useMemo<Sort>(() => {
    if (text === '') return fallback;
    return text.startsWith('-') ? { column: text.slice(1), order: 'desc' } : { column: text, order: 'asc' };
  }, [text, fallback]);
  const change = (next: Sort): void => {
    const same = next.column === fallback.column && next.order === fallback.order;
    set({ [parameter]: same ? null : `${next.order === 'desc' ? '-' : ''}${next.column}` });
  };
  return [sort, change];
}
