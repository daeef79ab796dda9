'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { FilterBar, PlaceFilters } from '#components/shell/filter-bar.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { LoadMore } from '#components/ui/load-more.tsx';
import { Segmented } from '#components/ui/segmented.tsx';
import { Select } from '#components/ui/select.tsx';
import { TableSkeleton } from '#components/ui/skeleton.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatPlural } from '#lib/client/format.ts';
import type { RunFilters } from '#lib/client/keys.ts';
import { runsQuery } from '#lib/client/queries/runs.ts';
import { useActiveRuns } from '#lib/client/use-run-events.ts';
import type { RunOutcome, RunState } from '#lib/contracts/runs.ts';
import { ExampleRuns } from './example-runs.tsx';
import { RunTable } from './run-table.tsx';

const KINDS = ['all', 'backup', 'restore', 'check'] as const;
const STATES = ['all', 'running', 'queued', 'succeeded', 'warning', 'failed', 'lost', 'cancelled'] as const;
type StateFilter = (typeof STATES)[number];

const CLEAR = { kind: null, state: null, source: null, vault: null };

const STATE_WORDS: Record<StateFilter, string> = {
  all: 'Any state',
  running: 'Running',
  queued: 'Queued',
  succeeded: 'Succeeded',
  warning: 'Warning',
  failed: 'Failed',
  lost: 'Lost',
  cancelled: 'Cancelled',
};

function stateFilter(state: StateFilter): Pick<RunFilters, 'state' | 'outcome'> {
  if (state === 'all') return {};
  if (state === 'running' || state === 'queued') return { state: state satisfies RunState };
  return { outcome: state satisfies RunOutcome };
}

/** All runs, newest first, alive. */
export function RunsScreen() {
  const url = useUrlState();
  const kind = oneOf(url.get('kind'), KINDS, 'all');
  const state = oneOf(url.get('state'), STATES, 'all');
  const sourceId = url.get('source');
  const vaultId = url.get('vault');
  const filters: RunFilters = {
    ...(kind === 'all' ? {} : { kind }),
    ...stateFilter(state),
    ...(sourceId === '' ? {} : { sourceId }),
    ...(vaultId === '' ? {} : { vaultId }),
  };
  const filtered = Object.keys(filters).length > 0;
  const query = useInfiniteQuery(runsQuery(filters));
  const active = useActiveRuns();
  const running = active.filter((run) => run.state === 'running').length;
  const queued = active.length - running;
  const runs = query.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <>
      <PageHead
        title="Runs"
        tabState={running > 0 ? `◐ ${running} running` : undefined}
        truth={
          active.length === 0
            ? 'Nothing is running.'
            : running === 0
              ? `${formatPlural(queued, 'run is', 'runs are')} waiting.`
              : `${formatPlural(running, 'run is', 'runs are')} working${queued > 0 ? `, ${queued} waiting` : ''}.`
        }
      />
      {query.isPending || filtered || runs.length > 0 ? (
        <FilterBar filtered={filtered} onClear={() => url.set(CLEAR)}>
          <Segmented
            label="Kind of run"
            value={kind}
            onValueChange={(next) => url.set({ kind: next === 'all' ? null : next })}
            options={[
              { value: 'all', label: 'All' },
              { value: 'backup', label: 'Backups' },
              { value: 'restore', label: 'Restores' },
              { value: 'check', label: 'Checks' },
            ]}
          />
          <Select
            aria-label="State"
            size="sm"
            className="w-36!"
            value={state}
            onValueChange={(next) => url.set({ state: next === 'all' ? null : next })}
            options={STATES.map((value) => ({ value, label: STATE_WORDS[value] }))}
          />
          <PlaceFilters url={url} />
        </FilterBar>
      ) : null}
      {query.isPending ? <TableSkeleton rows={8} columns={5} label="Reading the runs" /> : null}
      {query.isError && runs.length === 0 ? (
        <LoadError
          error={query.error}
          what="The runs could not be read."
          onRetry={() => void query.refetch()}
          retrying={query.isFetching}
        />
      ) : null}
      {query.isSuccess && runs.length === 0 ? (
        filtered ? (
          <EmptyState
            title="No run is like that"
            action={<Button onClick={() => url.set(CLEAR)}>Show all runs</Button>}
          >
            Nothing matches these filters. Runs stay listed for as long as the console lives.
          </EmptyState>
        ) : (
          <EmptyState
            title="Nothing has run yet"
            picture={<ExampleRuns />}
            action={
              <ButtonLink href="/sources" variant="primary">
                Go to the sources
              </ButtonLink>
            }
            command="npx holdfast repo backup -r <vault folder> <folder>"
          >
            A backup, a restore or a check shows here from the moment it is asked for: how far it is, what it found, and
            what to do when it failed.
          </EmptyState>
        )
      ) : null}
      {runs.length > 0 ? <RunTable runs={runs} label="Runs, newest first" /> : null}
      <LoadMore
        hasMore={query.hasNextPage}
        loading={query.isFetchingNextPage}
        failed={query.isFetchNextPageError}
        onMore={() => void query.fetchNextPage()}
      />
    </>
  );
}
