'use client';

import { DayStrip } from '#components/charts/day-strip.tsx';
import { SOURCE_STATE, SOURCE_URGENCY } from '#components/shell/source-words.ts';
import { Bytes, None, RelativeTime } from '#components/ui/figures.tsx';
import { State } from '#components/ui/state.tsx';
import { type Column, type Sort, Table } from '#components/ui/table.tsx';
import { formatCount } from '#lib/client/format.ts';
import type { SourceView } from '#lib/contracts/sources.ts';

const COLUMNS: readonly Column<SourceView>[] = [
  {
    id: 'name',
    header: 'Source',
    sortBy: (source) => source.name,
    cell: (source) => (
      <span className="block max-w-[40ch] min-w-0">
        <span className="block truncate">{source.name}</span>
        <span className="block truncate font-mono text-xs font-normal text-ink-3">{source.config.path}</span>
      </span>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: '8rem',
    sortBy: (source) => SOURCE_URGENCY[source.state],
    cell: (source) => <State tone={SOURCE_STATE[source.state].tone}>{SOURCE_STATE[source.state].word}</State>,
  },
  {
    id: 'last',
    header: 'Last point',
    width: '8.5rem',
    sortBy: (source) => (source.lastPoint === null ? null : Date.parse(source.lastPoint.time)),
    cell: (source) => (source.lastPoint === null ? <None>none yet</None> : <RelativeTime at={source.lastPoint.time} />),
  },
  {
    id: 'size',
    header: 'Size',
    align: 'right',
    width: '7rem',
    hideBelow: 'md',
    sortBy: (source) => source.lastPoint?.bytes ?? null,
    cell: (source) => (source.lastPoint === null ? <None>unknown</None> : <Bytes value={source.lastPoint.bytes} />),
  },
  {
    id: 'points',
    header: 'Points',
    align: 'right',
    width: '5.5rem',
    hideBelow: 'lg',
    sortBy: (source) => source.recoveryPoints,
    cell: (source) => formatCount(source.recoveryPoints),
  },
  {
    id: 'worker',
    header: 'Machine',
    width: '10rem',
    hideBelow: 'lg',
    sortBy: (source) => source.worker.name,
    cell: (source) => (
      <span className="block max-w-[18ch] truncate text-ink-2">
        {source.worker.online ? source.worker.name : <State tone="bad">{source.worker.name} offline</State>}
      </span>
    ),
  },
  {
    id: 'strip',
    header: '30 days',
    width: '10.5rem',
    hideBelow: 'md',
    cell: (source) => <DayStrip days={source.strip} />,
  },
];

export function SourceTable(props: { sources: readonly SourceView[]; sort: Sort; onSortChange: (sort: Sort) => void }) {
  return (
    <Table
      label="Sources"
      columns={COLUMNS}
      rows={props.sources}
      rowKey={(source) => source.id}
      rowHref={(source) => `/sources/${source.id}`}
      sort={props.sort}
      onSortChange={props.onSortChange}
    />
  );
}
