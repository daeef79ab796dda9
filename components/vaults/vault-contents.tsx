'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { MissingLine } from '#components/recovery-points/missing-point.tsx';
import { RunState } from '#components/runs/run-state.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { Section } from '#components/shell/page-head.tsx';
import { Bytes, RelativeTime } from '#components/ui/figures.tsx';
import { type Column, Table } from '#components/ui/table.tsx';
import { formatCount } from '#lib/client/format.ts';
import { pointsQuery } from '#lib/client/queries/recovery-points.ts';
import { runsQuery } from '#lib/client/queries/runs.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { VaultDetail } from '#lib/contracts/vaults.ts';

const RECENT = 8;

export function VaultPoints({ vaultId, total }: { vaultId: string; total: number }) {
  const points = useInfiniteQuery(pointsQuery({ vaultId, limit: RECENT }));
  const rows = points.data?.pages[0]?.items ?? [];
  if (total === 0 && rows.length === 0)
    return (
      <Section title="Recovery points">
        <p className="text-base text-ink-2">
          Empty. The first backup into this vault makes the first recovery point.{' '}
          <Link href="/sources" className="text-accent hover:underline">
            Choose a source to back up
          </Link>
          .
        </p>
      </Section>
    );
  return (
    <Section
      title="Newest recovery points"
      count={formatCount(total)}
      action={
        total > RECENT ? (
          <Link href={`/recovery-points?vault=${vaultId}`} className="text-sm text-accent hover:underline">
            All {formatCount(total)}
          </Link>
        ) : undefined
      }
    >
      {points.isError && points.data === undefined ? (
        <LoadError compact error={points.error} what="The recovery points could not be read." />
      ) : (
        <Table
          label="Newest recovery points"
          rows={rows}
          rowKey={(point) => point.id}
          rowHref={(point) => `/recovery-points/${point.id}`}
          columns={[
            {
              id: 'source',
              header: 'Source',
              cell: (point) => (
                <>
                  {point.source?.name ?? point.paths.join(', ')}
                  <MissingLine point={point} />
                </>
              ),
            },
            { id: 'time', header: 'Made', cell: (point) => <RelativeTime at={point.time} /> },
            { id: 'size', header: 'Size', align: 'right', cell: (point) => <Bytes value={point.bytes} /> },
            {
              id: 'added',
              header: 'Added',
              align: 'right',
              hideBelow: 'sm',
              cell: (point) => <Bytes value={point.storedBytes} />,
            },
          ]}
        />
      )}
    </Section>
  );
}

export function VaultSources({ vault }: { vault: VaultDetail }) {
  if (vault.bySource.length === 0) return null;
  return (
    <Section title="By source" count={vault.bySource.length}>
      <Table
        label="What is in the vault, by source"
        rows={vault.bySource}
        rowKey={(row) => row.sourceId ?? row.name}
        columns={[
          {
            id: 'name',
            header: 'Source',
            cell: (row) =>
              row.sourceId === null ? (
                <span className="text-ink-2">{row.name} (no longer a source)</span>
              ) : (
                <Link href={`/sources/${row.sourceId}`} className="font-medium hover:underline">
                  {row.name}
                </Link>
              ),
          },
          { id: 'points', header: 'Points', align: 'right', cell: (row) => formatCount(row.recoveryPoints) },
          {
            id: 'bytes',
            header: 'Would restore to',
            align: 'right',
            cell: (row) => <Bytes value={row.logicalBytes} />,
          },
          {
            id: 'newest',
            header: 'Newest',
            align: 'right',
            hideBelow: 'sm',
            cell: (row) => <RelativeTime at={row.newestAt} />,
          },
        ]}
      />
    </Section>
  );
}

const CHECK_COLUMNS: readonly Column<RunView>[] = [
  {
    id: 'depth',
    header: 'Looked at',
    cell: (run) => (run.input.kind === 'check' && run.input.readData ? 'All data' : 'Structure'),
  },
  { id: 'state', header: 'Verdict', cell: (run) => <RunState run={run} /> },
  {
    id: 'when',
    header: 'When',
    align: 'right',
    cell: (run) => <RelativeTime at={run.finishedAt ?? run.queuedAt} />,
  },
];

export function VaultChecks({ vaultId }: { vaultId: string }) {
  const checks = useInfiniteQuery(runsQuery({ vaultId, kind: 'check', limit: RECENT }));
  const rows = checks.data?.pages[0]?.items ?? [];
  return (
    <Section title="Checks">
      {checks.isError && checks.data === undefined ? (
        <LoadError compact error={checks.error} what="The checks could not be read." />
      ) : rows.length === 0 ? (
        <p className="text-base text-ink-2">
          {checks.isPending
            ? 'Reading…'
            : 'None yet. A check compares what the vault holds with what it says it holds.'}
        </p>
      ) : (
        <Table
          label="Checks of this vault"
          rows={rows}
          rowKey={(run) => run.id}
          rowHref={(run) => `/runs/${run.id}`}
          columns={CHECK_COLUMNS}
        />
      )}
    </Section>
  );
}
