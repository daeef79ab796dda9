'use client';

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Button } from '#components/ui/button.tsx';
import { Select } from '#components/ui/select.tsx';
import type { UrlState } from '#components/ui/use-url-state.ts';
import { sourcesQuery } from '#lib/client/queries/sources.ts';
import { vaultsQuery } from '#lib/client/queries/vaults.ts';

/** Above a list: what it is narrowed by, and the way back to all of it. Filters are in the address. */
export function FilterBar({
  children,
  filtered,
  onClear,
}: {
  children: ReactNode;
  filtered: boolean;
  onClear: () => void;
}) {
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2" data-print="none">
      {children}
      {filtered ? (
        <Button size="sm" variant="quiet" onClick={onClear}>
          Clear filters
        </Button>
      ) : null}
    </div>
  );
}

/**
 * By source and by vault. A choice among fewer than `fewest` is none, unless the address holds one: where all rows have a source
 * that is two, where some have none even one source tells them apart.
 */
export function PlaceFilters({ url, fewest = 2 }: { url: UrlState; fewest?: number }) {
  const sources = useQuery(sourcesQuery());
  const vaults = useQuery(vaultsQuery());
  return (
    <>
      <OneOf name="source" label="Source" all="Any source" fewest={fewest} url={url} things={sources.data} />
      <OneOf name="vault" label="Vault" all="Any vault" fewest={fewest} url={url} things={vaults.data} />
    </>
  );
}

function OneOf(props: {
  name: 'source' | 'vault';
  label: string;
  all: string;
  fewest: number;
  url: UrlState;
  things: readonly { id: string; name: string }[] | undefined;
}) {
  const { name, url, things = [] } = props;
  const chosen = url.get(name);
  if (things.length < props.fewest && chosen === '') return null;
  return (
    <Select
      aria-label={props.label}
      size="sm"
      className="w-40!"
      value={chosen === '' ? 'all' : chosen}
      onValueChange={(next) => url.set({ [name]: next === 'all' ? null : next })}
      options={[{ value: 'all', label: props.all }, ...things.map(({ id, name }) => ({ value: id, label: name }))]}
    />
  );
}
