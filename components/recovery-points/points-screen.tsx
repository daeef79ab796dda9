'use client';

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { FilterBar, PlaceFilters } from '#components/shell/filter-bar.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { LoadMore } from '#components/ui/load-more.tsx';
import { Segmented } from '#components/ui/segmented.tsx';
import { TableSkeleton } from '#components/ui/skeleton.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatPlural } from '#lib/client/format.ts';
import type { PointFilters } from '#lib/client/keys.ts';
import { pointsQuery } from '#lib/client/queries/recovery-points.ts';
import { vaultsQuery } from '#lib/client/queries/vaults.ts';
import { ExamplePoints } from './example-points.tsx';
import { PointTable } from './point-table.tsx';
import { SPANS, sinceOf } from './spans.ts';

const CLEAR = { source: null, vault: null, span: null };

export function PointsScreen() {
  const url = useUrlState();
  const sourceId = url.get('source');
  const vaultId = url.get('vault');
  const span = oneOf(url.get('span'), SPANS, 'all');
  const vaults = useQuery(vaultsQuery());
  const after = sinceOf(span, Date.now());
  const filters: PointFilters = {
    ...(sourceId === '' ? {} : { sourceId }),
    ...(vaultId === '' ? {} : { vaultId }),
    ...(after === undefined ? {} : { after }),
  };
  const filtered = Object.keys(filters).length > 0;
  const query = useInfiniteQuery(pointsQuery(filters));
  const points = query.data?.pages.flatMap((page) => page.items) ?? [];
  const total = vaults.data?.reduce((sum, vault) => sum + vault.recoveryPoints, 0);
  return (
    <>
      <PageHead
        title="Recovery points"
        truth={
          total === undefined
            ? 'What can be restored, newest first.'
            : total === 0
              ? `Nothing can be restored${points.length > 0 ? '.' : ' yet.'}`
              : `${formatPlural(total, 'recovery point')} in ${formatPlural(vaults.data?.length ?? 0, 'vault')}, newest first.`
        }
      />
      {query.isPending || filtered || points.length > 0 ? (
        <FilterBar filtered={filtered} onClear={() => url.set(CLEAR)}>
          <PlaceFilters url={url} fewest={1} />
          <Segmented
            label="Age"
            value={span}
            onValueChange={(next) => url.set({ span: next === 'all' ? null : next })}
            options={[
              { value: 'day', label: '24 h' },
              { value: 'week', label: '7 d' },
              { value: 'month', label: '30 d' },
              { value: 'all', label: 'All' },
            ]}
          />
        </FilterBar>
      ) : null}
      {query.isPending ? <TableSkeleton rows={8} columns={5} label="Reading the recovery points" /> : null}
      {query.isError && points.length === 0 ? (
        <LoadError
          error={query.error}
          what="The recovery points could not be read."
          onRetry={() => void query.refetch()}
          retrying={query.isFetching}
        />
      ) : null}
      {query.isSuccess && points.length === 0 ? (
        filtered ? (
          <EmptyState
            title="No recovery point is like that"
            action={<Button onClick={() => url.set(CLEAR)}>Show all</Button>}
          >
            Nothing matches these filters.
          </EmptyState>
        ) : (
          <EmptyState
            title="Each backup makes a recovery point"
            picture={<ExamplePoints />}
            action={
              <ButtonLink href="/sources" variant="primary">
                Back up a source
              </ButtonLink>
            }
            command="npx holdfast repo snapshots -r <vault folder>"
          >
            It is the source as it was at that moment: browse it, take single files out of it, compare it with another,
            or restore all of it.
          </EmptyState>
        )
      ) : null}
      {points.length > 0 ? <PointTable points={points} /> : null}
      <LoadMore
        hasMore={query.hasNextPage}
        loading={query.isFetchingNextPage}
        failed={query.isFetchNextPageError}
        onMore={() => void query.fetchNextPage()}
      />
    </>
  );
}
