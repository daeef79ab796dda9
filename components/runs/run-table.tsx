'use client';

import { runTitle } from '#components/shell/run-words.ts';
import { Duration, None, RelativeTime } from '#components/ui/figures.tsx';
import { type Column, Table } from '#components/ui/table.tsx';
import type { RunView } from '#lib/contracts/runs.ts';
import { RunGist, RunState, RunWaitLine } from './run-state.tsx';

const COLUMNS: readonly Column<RunView>[] = [
  {
    id: 'run',
    header: 'Run',
    cell: (run) => (
      <>
        <span className="block max-w-[46ch] truncate">{runTitle(run)}</span>
        <RunWaitLine run={run} />
      </>
    ),
  },
  { id: 'state', header: 'State', width: '8.5rem', cell: (run) => <RunState run={run} /> },
  {
    id: 'gist',
    header: 'Progress or result',
    hideBelow: 'md',
    cell: (run) => (
      <div className="max-w-[44ch]">
        <RunGist run={run} />
      </div>
    ),
  },
  {
    id: 'vault',
    header: 'Vault',
    hideBelow: 'xl',
    cell: (run) =>
      run.vault === null ? (
        <None>no vault</None>
      ) : (
        <span className="block max-w-[20ch] truncate">{run.vault.name}</span>
      ),
  },
  {
    id: 'asked',
    header: 'Asked for',
    align: 'right',
    width: '8rem',
    cell: (run) => <RelativeTime at={run.queuedAt} />,
  },
  {
    id: 'took',
    header: 'Took',
    align: 'right',
    width: '7rem',
    hideBelow: 'sm',
    cell: (run) =>
      run.startedAt === null ? <None>not started</None> : <Duration from={run.startedAt} to={run.finishedAt} />,
  },
];

/** Rows of runs; on the pages of sources and vaults too. */
export function RunTable({
  runs,
  label,
  without = [],
}: {
  runs: readonly RunView[];
  label: string;
  without?: string[];
}) {
  return (
    <Table
      label={label}
      columns={COLUMNS.filter((column) => !without.includes(column.id))}
      rows={runs}
      rowKey={(run) => run.id}
      rowHref={(run) => `/runs/${run.id}`}
    />
  );
}
