'use client';

import { useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { ENTRY_PART, type EntryOrder, entriesQuery } from '#lib/client/queries/recovery-points.ts';
import type { EntryView } from '#lib/contracts/recovery-points.ts';
import { partsInSight } from './entry-parts.ts';

/** One folder of any length: the parts in sight are read, the rest is a number. */
export function useEntries(pointId: string, view: EntryOrder) {
  const [sight, setSight] = useState({ first: 0, last: 0 });
  const head = useQuery(entriesQuery(pointId, view, 0));
  const count = head.data?.matching ?? 0;
  const parts = partsInSight(sight.first, sight.last, ENTRY_PART, count).filter((part) => part > 0);
  const rest = useQueries({ queries: parts.map((part) => entriesQuery(pointId, view, part)) });
  const byPart = new Map<number, readonly EntryView[]>();
  if (head.data !== undefined) byPart.set(0, head.data.entries);
  parts.forEach((part, index) => {
    const entries = rest[index]?.data?.entries;
    if (entries !== undefined) byPart.set(part, entries);
  });
  const at = (index: number): EntryView | undefined => byPart.get(Math.floor(index / ENTRY_PART))?.[index % ENTRY_PART];
  const onRange = useCallback((first: number, last: number) => {
    setSight((old) => (old.first === first && old.last === last ? old : { first, last }));
  }, []);
  const failed = rest.find((one) => one.isError);
  return { head, count, at, onRange, failed };
}
