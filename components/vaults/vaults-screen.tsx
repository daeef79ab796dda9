'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { Skeleton, TableSkeleton } from '#components/ui/skeleton.tsx';
import type { Sort } from '#components/ui/table.tsx';
import { useSort } from '#components/ui/use-sort.ts';
import { formatBytes, formatPlural } from '#lib/client/format.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { vaultsQuery } from '#lib/client/queries/vaults.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';
import { ExampleVaults } from './example-vaults.tsx';
import { vaultVerdict } from './vault-state.ts';
import { VaultTable } from './vault-table.tsx';

const BY_NAME: Sort = { column: 'name', order: 'asc' };

export function VaultsScreen() {
  const vaults = useQuery(vaultsQuery());
  const mayCreate = useMay('vault:create');
  const [sort, setSort] = useSort(BY_NAME);
  const create = (
    <ButtonLink href="/vaults/new" variant="primary" icon={<Plus aria-hidden="true" />}>
      Create vault
    </ButtonLink>
  );
  const none = vaults.data?.length === 0;
  const bad = (vaults.data ?? []).filter((vault) => vaultVerdict(vault).tone === 'bad').length;
  return (
    <>
      <PageHead
        title="Vaults"
        truth={
          vaults.data === undefined ? (
            vaults.isError ? null : (
              <Skeleton className="my-1 h-3 w-64" />
            )
          ) : none ? (
            'Where backups are kept.'
          ) : (
            truth(vaults.data)
          )
        }
        tabState={bad > 0 ? `■ ${bad} in trouble` : undefined}
        action={mayCreate && !none ? create : null}
      />
      {vaults.isError && vaults.data === undefined ? (
        <LoadError
          error={vaults.error}
          what="The vaults could not be read."
          onRetry={() => void vaults.refetch()}
          retrying={vaults.isFetching}
        />
      ) : vaults.data === undefined ? (
        <TableSkeleton label="Reading the vaults" rows={3} columns={5} />
      ) : none ? (
        <EmptyState
          title="A vault keeps your recovery points"
          picture={<ExampleVaults />}
          action={mayCreate ? create : undefined}
          command="npx holdfast repo init --repo /mnt/nas/holdfast"
        >
          It is a folder with an encrypted restic repository in it: on another disk or a mounted share, readable with
          the free restic program even without this console.
        </EmptyState>
      ) : (
        <VaultTable vaults={vaults.data} sort={sort} onSortChange={setSort} />
      )}
    </>
  );
}

function truth(vaults: readonly VaultView[]): string {
  const stored = vaults.reduce((sum, vault) => sum + vault.storedBytes, 0);
  const points = vaults.reduce((sum, vault) => sum + vault.recoveryPoints, 0);
  const sound = vaults.filter((vault) => vaultVerdict(vault).tone === 'good').length;
  return `${formatPlural(points, 'recovery point')} in ${formatBytes(stored)}; ${sound} of ${formatPlural(vaults.length, 'vault')} checked and sound.`;
}
