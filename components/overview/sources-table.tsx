'use client';

import { DayStrip } from '#components/charts/day-strip.tsx';
import { SOURCE_STATE, SOURCE_URGENCY } from '#components/shell/source-words.ts';
import { Bytes, None, RelativeTime } from '#components/ui/figures.tsx';
import { State } from '#components/ui/state.tsx';
import { type Column, type Sort, Table } from '#components/ui/table.tsx';
import { useSort } from '#components/ui/use-sort.ts';
import { formatCount } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { SourceView } from '#lib/contracts/sources.ts';

const WORST_FIRST: Sort = { column: 'state', order: 'asc' };

function columns(running: ReadonlySet<string>): Column<SourceView>[] {
  return [
    {
      id: 'name',
      grow: true,
      header: 'Source',
      sortBy: (source) => source.name,
      cell: (source) => (
        <>
          <span className="block truncate">{source.name}</span>
          <span className="block truncate font-mono text-xs font-normal text-ink-3">{source.config.path}</span>
        </>
      ),
    },
    {
      id: 'state',
      header: 'State',
      width: '8.5rem',
      // Same state: the one whose last good backup is older comes first.
      sortBy: (source) => `${SOURCE_URGENCY[source.state]} ${source.lastPoint?.time ?? ''} ${source.name}`,
      cell: (source) =>
        running.has(source.id) ? (
          <State tone="run">Backing up</State>
        ) : (
          <span title={SOURCE_STATE[source.state].means} className="relative z-10">
            <State tone={SOURCE_STATE[source.state].tone}>{SOURCE_STATE[source.state].word}</State>
          </span>
        ),
    },
    {
      id: 'good',
      header: 'Last good',
      align: 'right',
      width: '7.5rem',
      sortBy: (source) => source.lastPoint?.time ?? null,
      cell: (source) => (source.lastPoint === null ? <None>never</None> : <RelativeTime at={source.lastPoint.time} />),
    },
    {
      id: 'size',
      header: 'Size',
      align: 'right',
      width: '6.5rem',
      hideBelow: 'sm',
      sortBy: (source) => source.lastPoint?.bytes ?? null,
      cell: (source) => (source.lastPoint === null ? <None>unknown</None> : <Bytes value={source.lastPoint.bytes} />),
    },
    {
      id: 'points',
      header: 'Points',
      align: 'right',
      width: '5rem',
      hideBelow: 'lg',
      sortBy: (source) => source.recoveryPoints,
      cell: (source) => formatCount(source.recoveryPoints),
    },
    {
      id: 'strip',
      header: '30 days',
      width: '11rem',
      hideBelow: 'md',
      cell: (source) => <DayStrip days={source.strip} />,
    },
    {
      id: 'worker',
      header: 'Worker',
      width: '9rem',
      hideBelow: 'xl',
      sortBy: (source) => source.worker.name,
      cell: (source) =>
        source.worker.online ? (
          <span className="text-ink-2">{source.worker.name}</span>
        ) : (
          <State tone="warn">{source.worker.name} offline</State>
        ),
    },
  ];
}

export function SourcesTable({ sources, running }: { sources: readonly SourceView[]; running: readonly RunView[] }) {
  const [sort, setSort] = useSort(WORST_FIRST);
  const busy = new Set(
    running.flatMap((run) => (run.kind === 'backup' && run.state === 'running' && run.source ? [run.source.id] : [])),
  );
  return (
    <Table
      label="Sources"
      columns={columns(busy)}
      rows={sources}
      rowKey={(source) => source.id}
      rowHref={(source) => `/sources/${source.id}`}
      sort={sort}
      onSortChange={setSort}
    />
  );
}
