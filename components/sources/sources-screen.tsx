'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus, Search } from 'lucide-react';
import { useMemo } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { Input } from '#components/ui/input.tsx';
import { Segmented } from '#components/ui/segmented.tsx';
import { Skeleton, TableSkeleton } from '#components/ui/skeleton.tsx';
import type { Sort } from '#components/ui/table.tsx';
import { useSort } from '#components/ui/use-sort.ts';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatPlural } from '#lib/client/format.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { sourcesQuery } from '#lib/client/queries/sources.ts';
import type { SourceState, SourceView } from '#lib/contracts/sources.ts';
import { ExampleSources } from './example-sources.tsx';
import { SourceTable } from './source-table.tsx';

const STATES = ['all', 'failed', 'missing', 'warning', 'protected', 'never'] as const;
const STATE_WORD: Record<(typeof STATES)[number], string> = {
  all: 'All',
  failed: 'Failed',
  missing: 'Missing',
  warning: 'Warning',
  protected: 'Protected',
  never: 'Not yet',
};
/** What needs someone stands on top. */
const BY_URGENCY: Sort = { column: 'state', order: 'asc' };

export function SourcesScreen() {
  const url = useUrlState();
  const query = useQuery(sourcesQuery());
  const mayCreate = useMay('source:create');
  const [sort, setSort] = useSort(BY_URGENCY);
  const state = oneOf(url.get('state'), STATES, 'all');
  const text = url.get('q');
  const shown = useMemo(() => select(query.data ?? [], state, text), [query.data, state, text]);
  const none = query.data?.length === 0;
  const failed = countOf(query.data, 'failed');
  const add = (
    <ButtonLink href="/sources/new" variant="primary" icon={<Plus aria-hidden="true" />}>
      Add source
    </ButtonLink>
  );
  return (
    <>
      <PageHead
        title="Sources"
        tabState={failed > 0 ? `■ ${failed} failed` : undefined}
        truth={
          query.data === undefined ? query.isError ? null : <Skeleton className="my-1 h-3 w-64" /> : truth(query.data)
        }
        action={mayCreate && !none ? add : null}
      />
      {query.data === undefined || none ? null : (
        <div className="mb-3 flex flex-wrap items-center gap-2" data-print="none">
          <div className="w-full sm:w-64">
            <Input
              type="search"
              data-search
              aria-label="Search sources"
              placeholder="Name, path or machine"
              lead={<Search />}
              value={text}
              onChange={(event) => url.set({ q: event.target.value })}
            />
          </div>
          <div className="max-w-full overflow-x-auto">
            <Segmented
              label="State"
              value={state}
              onValueChange={(next) => url.set({ state: next === 'all' ? null : next })}
              options={STATES.filter((one) => one === 'all' || one === state || countOf(query.data, one) > 0).map(
                (one) => ({
                  value: one,
                  label: (
                    <span className="whitespace-nowrap">
                      {STATE_WORD[one]}{' '}
                      <span className="text-ink-3 tabular">
                        {one === 'all' ? query.data.length : countOf(query.data, one)}
                      </span>
                    </span>
                  ),
                }),
              )}
            />
          </div>
        </div>
      )}
      {query.isPending ? <TableSkeleton label="Reading the sources" rows={6} columns={5} /> : null}
      {query.isError && query.data === undefined ? (
        <LoadError
          error={query.error}
          what="The sources could not be read."
          onRetry={() => void query.refetch()}
          retrying={query.isFetching}
        />
      ) : null}
      {none ? (
        <EmptyState
          title="A source is what you protect"
          picture={<ExampleSources />}
          action={mayCreate ? add : undefined}
          command="npx holdfast repo backup -r <vault folder> <folder>"
        >
          Choose a folder on one of your machines. Each backup of it makes a recovery point that can be browsed,
          compared and restored.
        </EmptyState>
      ) : null}
      {shown.length > 0 ? <SourceTable sources={shown} sort={sort} onSortChange={setSort} /> : null}
      {query.data !== undefined && !none && shown.length === 0 ? (
        <EmptyState
          title="No source is like that"
          action={<Button onClick={() => url.set({ q: null, state: null })}>Show all sources</Button>}
        >
          Nothing matches the search and the state together.
        </EmptyState>
      ) : null}
    </>
  );
}

function select(sources: readonly SourceView[], state: (typeof STATES)[number], text: string): SourceView[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return sources.filter((source) => {
    if (state !== 'all' && source.state !== state) return false;
    const all = `${source.name} ${source.config.path} ${source.worker.name}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

function countOf(sources: readonly SourceView[] | undefined, state: SourceState): number {
  return sources?.filter((source) => source.state === state).length ?? 0;
}

function truth(sources: readonly SourceView[]): string {
  if (sources.length === 0) return 'Nothing is protected yet.';
  const good = countOf(sources, 'protected');
  if (good === sources.length)
    return good === 1
      ? 'The one source is protected.'
      : `${good === 2 ? 'Both' : `All ${good}`} sources are protected.`;
  const rest = (['failed', 'missing', 'warning', 'never'] as const)
    .map(
      (state) =>
        [
          countOf(sources, state),
          { failed: 'failed', missing: 'missing', warning: 'with a warning', never: 'not yet' }[state],
        ] as const,
    )
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`);
  return `${good} of ${formatPlural(sources.length, 'source')} protected; ${rest.join(', ')}.`;
}
