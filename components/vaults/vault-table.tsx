'use client';

import { Bytes, None, RelativeTime } from '#components/ui/figures.tsx';
import { State } from '#components/ui/state.tsx';
import { type Column, type Sort, Table } from '#components/ui/table.tsx';
import { formatCount } from '#lib/client/format.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';
import { DedupRatio } from './figures.tsx';
import { vaultVerdict } from './vault-state.ts';

const URGENCY = { bad: 0, warn: 1, idle: 2, run: 2, good: 3 } as const;

const COLUMNS: readonly Column<VaultView>[] = [
  {
    id: 'name',
    grow: true,
    header: 'Vault',
    sortBy: (vault) => vault.name,
    cell: (vault) => (
      <>
        <span className="block truncate">{vault.name}</span>
        <span className="block truncate font-mono text-xs font-normal text-ink-3">{vault.store.path}</span>
      </>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: '9.5rem',
    sortBy: (vault) => URGENCY[vaultVerdict(vault).tone],
    cell: (vault) => {
      const { tone, word, means } = vaultVerdict(vault);
      return (
        <span title={means} className="relative z-10">
          <State tone={tone}>{word}</State>
        </span>
      );
    },
  },
  {
    id: 'zone',
    header: 'Zone',
    hideBelow: 'xl',
    sortBy: (vault) => vault.zone,
    cell: (vault) => vault.zone ?? <None>no zone</None>,
  },
  {
    id: 'points',
    header: 'Points',
    align: 'right',
    width: '5.5rem',
    hideBelow: 'md',
    sortBy: (vault) => vault.recoveryPoints,
    cell: (vault) => formatCount(vault.recoveryPoints),
  },
  {
    id: 'stored',
    header: 'Stored',
    align: 'right',
    width: '7rem',
    sortBy: (vault) => vault.storedBytes,
    cell: (vault) => <Bytes value={vault.storedBytes} />,
  },
  {
    id: 'ratio',
    header: 'Dedup',
    align: 'right',
    width: '5.5rem',
    hideBelow: 'md',
    sortBy: (vault) => vault.dedupRatio,
    cell: (vault) => <DedupRatio vault={vault} />,
  },
  {
    id: 'free',
    header: 'Free',
    align: 'right',
    width: '7rem',
    hideBelow: 'lg',
    sortBy: (vault) => vault.freeBytes,
    cell: (vault) => (vault.freeBytes === null ? <None>unknown</None> : <Bytes value={vault.freeBytes} />),
  },
  {
    id: 'check',
    header: 'Last check',
    align: 'right',
    width: '8rem',
    hideBelow: 'lg',
    sortBy: (vault) => vault.lastCheck?.at ?? null,
    cell: (vault) => (vault.lastCheck === null ? <None>never</None> : <RelativeTime at={vault.lastCheck.at} />),
  },
];

export function VaultTable({
  vaults,
  sort = null,
  onSortChange,
}: {
  vaults: readonly VaultView[];
  sort?: Sort | null;
  onSortChange?: (sort: Sort) => void;
}) {
  return (
    <Table
      label="Vaults"
      columns={COLUMNS}
      rows={vaults}
      rowKey={(vault) => vault.id}
      rowHref={(vault) => `/vaults/${vault.id}`}
      sort={sort}
      {...(onSortChange === undefined ? {} : { onSortChange })}
    />
  );
}
