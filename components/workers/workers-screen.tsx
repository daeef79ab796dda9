'use client';

import { useQuery } from '@tanstack/react-query';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { CodeBlock } from '#components/ui/copy.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { None, RelativeTime } from '#components/ui/figures.tsx';
import { Skeleton, TableSkeleton } from '#components/ui/skeleton.tsx';
import { State, StateMark, type Tone } from '#components/ui/state.tsx';
import { type Column, type Sort, Table } from '#components/ui/table.tsx';
import { useSort } from '#components/ui/use-sort.ts';
import { formatCount, formatPlural } from '#lib/client/format.ts';
import { workersQuery } from '#lib/client/queries/workers.ts';
import type { WorkerView } from '#lib/contracts/workers.ts';

const STATE: Record<WorkerView['state'], { tone: Tone; word: string; urgency: number }> = {
  lost: { tone: 'bad', word: 'Silent', urgency: 0 },
  stopped: { tone: 'idle', word: 'Stopped', urgency: 1 },
  online: { tone: 'good', word: 'Online', urgency: 2 },
};
const BY_NAME: Sort = { column: 'name', order: 'asc' };

const COLUMNS: readonly Column<WorkerView>[] = [
  {
    id: 'name',
    grow: true,
    header: 'Worker',
    sortBy: (worker) => worker.name,
    cell: (worker) => (
      <>
        <span className="block truncate font-medium">{worker.name}</span>
        {worker.hostname === worker.name ? null : (
          <span className="block truncate font-mono text-xs text-ink-3">{worker.hostname}</span>
        )}
      </>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: '8rem',
    sortBy: (worker) => STATE[worker.state].urgency,
    cell: (worker) => <State tone={STATE[worker.state].tone}>{STATE[worker.state].word}</State>,
  },
  {
    id: 'work',
    header: 'Work',
    align: 'right',
    width: '7rem',
    sortBy: (worker) => worker.runningRuns,
    cell: (worker) =>
      worker.state === 'online' ? (
        <span title={`${worker.runningRuns} running, ${worker.concurrency} at once at most`}>
          {worker.runningRuns} of {worker.concurrency}
        </span>
      ) : (
        <None>not at work</None>
      ),
  },
  {
    id: 'sources',
    header: 'Sources',
    align: 'right',
    width: '6rem',
    hideBelow: 'sm',
    sortBy: (worker) => worker.sources,
    cell: (worker) => formatCount(worker.sources),
  },
  {
    id: 'platform',
    header: 'Platform',
    hideBelow: 'lg',
    sortBy: (worker) => worker.platform,
    cell: (worker) => <span className="text-ink-2">{worker.platform}</span>,
  },
  {
    id: 'version',
    header: 'Version',
    hideBelow: 'lg',
    width: '6rem',
    sortBy: (worker) => worker.version,
    cell: (worker) => <span className="text-ink-2">{worker.version}</span>,
  },
  {
    id: 'started',
    header: 'Started',
    align: 'right',
    width: '8rem',
    hideBelow: 'md',
    sortBy: (worker) => worker.startedAt,
    cell: (worker) => <RelativeTime at={worker.startedAt} />,
  },
  {
    id: 'seen',
    header: 'Last seen',
    align: 'right',
    width: '7.5rem',
    hideBelow: 'sm',
    sortBy: (worker) => worker.lastSeenAt,
    cell: (worker) => <RelativeTime at={worker.lastSeenAt} />,
  },
];

export function WorkersScreen() {
  const workers = useQuery(workersQuery());
  const [sort, setSort] = useSort(BY_NAME);
  const lost = workers.data?.filter((worker) => worker.state === 'lost').length ?? 0;
  return (
    <>
      <PageHead
        title="Workers"
        tabState={lost > 0 ? `■ ${lost} silent` : undefined}
        truth={
          workers.data === undefined ? (
            workers.isError ? null : (
              <Skeleton className="my-1 h-3 w-64" />
            )
          ) : (
            truth(workers.data)
          )
        }
      />
      {workers.isError && workers.data === undefined ? (
        <LoadError
          error={workers.error}
          what="The workers could not be read."
          onRetry={() => void workers.refetch()}
          retrying={workers.isFetching}
        />
      ) : workers.data === undefined ? (
        <TableSkeleton label="Reading the workers" rows={2} columns={6} />
      ) : workers.data.length === 0 ? (
        <EmptyState title="Workers do the backups" picture={<ExampleWorker />} command="npx holdfast worker">
          One starts together with the console. None has said a word yet: look into the terminal for what keeps it from
          starting.
        </EmptyState>
      ) : (
        <>
          <Table
            label="Workers"
            columns={COLUMNS}
            rows={workers.data}
            rowKey={(worker) => worker.id}
            sort={sort}
            onSortChange={setSort}
          />
          <MoreWorkers />
        </>
      )}
    </>
  );
}

function truth(workers: readonly WorkerView[]): string {
  const online = workers.filter((worker) => worker.state === 'online');
  const busy = online.reduce((sum, worker) => sum + worker.runningRuns, 0);
  const slots = online.reduce((sum, worker) => sum + worker.concurrency, 0);
  if (online.length === 0) return 'No worker is online: nothing can be backed up or restored now.';
  return `${online.length} of ${formatPlural(workers.length, 'worker')} online; ${busy} of ${formatPlural(slots, 'slot')} in use.`;
}

function MoreWorkers() {
  return (
    <details className="mt-8 max-w-[72ch] text-base">
      <summary className="w-fit rounded-xs text-ink-2 hover:text-ink">Add a worker</summary>
      <div className="mt-2 flex flex-col gap-2 text-ink-2">
        <p>
          A worker backs up the folders of the machine it runs on. Start one there, with the database and the master key
          of this console:
        </p>
        <CodeBlock label="Command" text="DATABASE_URL=postgresql://… HOLDFAST_MASTER_KEY=… npx holdfast worker" />
      </div>
    </details>
  );
}

function ExampleWorker() {
  return (
    <div className="flex h-11 items-center gap-4 border-y border-line px-2 text-left text-sm">
      <StateMark tone="good" />
      <span className="flex-1 font-medium">backup-host</span>
      <span className="text-ink-2">1 of 2</span>
      <span className="text-ink-3">just now</span>
    </div>
  );
}
