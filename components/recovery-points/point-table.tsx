'use client';

import { Bytes, None, RelativeTime } from '#components/ui/figures.tsx';
import { State } from '#components/ui/state.tsx';
import { type Column, Table } from '#components/ui/table.tsx';
import { formatCount, formatInstant, formatPlural } from '#lib/client/format.ts';
import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import { MissingLine } from './missing-point.tsx';

const COLUMNS: readonly Column<RecoveryPointView>[] = [
  {
    id: 'time',
    header: 'Made',
    cell: (point) => (
      <span className="block min-w-0">
        <span suppressHydrationWarning className="block truncate tabular">
          {formatInstant(Date.parse(point.time))}
        </span>
        <span className="block truncate text-xs font-normal text-ink-3 sm:hidden">
          {point.source?.name ?? point.paths[0]}
        </span>
        <MissingLine point={point} />
      </span>
    ),
  },
  { id: 'age', header: 'Age', width: '7.5rem', hideBelow: 'md', cell: (point) => <RelativeTime at={point.time} /> },
  {
    id: 'source',
    header: 'Source',
    hideBelow: 'sm',
    cell: (point) => (
      <span className="block max-w-[32ch] truncate">
        {point.source?.name ?? <span className="text-ink-2">{point.paths[0] ?? point.hostname}</span>}
      </span>
    ),
  },
  {
    id: 'vault',
    header: 'Vault',
    hideBelow: 'lg',
    cell: (point) => <span className="block max-w-[20ch] truncate">{point.vault.name}</span>,
  },
  { id: 'files', header: 'Files', align: 'right', width: '7rem', hideBelow: 'md', cell: (p) => formatCount(p.files) },
  { id: 'size', header: 'Size', align: 'right', width: '6.5rem', cell: (point) => <Bytes value={point.bytes} /> },
  {
    id: 'added',
    header: 'Added',
    align: 'right',
    width: '6.5rem',
    hideBelow: 'sm',
    cell: (point) => <Bytes value={point.addedBytes} />,
  },
  {
    id: 'problems',
    header: 'Problems',
    width: '8rem',
    hideBelow: 'lg',
    cell: (point) =>
      point.problemCount === 0 ? (
        <None>none</None>
      ) : (
        <State tone="warn">{formatPlural(point.problemCount, 'file')}</State>
      ),
  },
];

export function PointTable({ points }: { points: readonly RecoveryPointView[] }) {
  return (
    <Table
      label="Recovery points, newest first"
      columns={COLUMNS}
      rows={points}
      rowKey={(point) => point.id}
      rowHref={(point) => `/recovery-points/${point.id}`}
    />
  );
}
