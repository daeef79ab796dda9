'use client';

import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { RadioGroup } from '#components/ui/choice.tsx';
import { Dialog } from '#components/ui/dialog.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { formatBytes } from '#lib/client/format.ts';
import { useStartBackup } from '#lib/client/queries/sources.ts';
import { vaultsQuery } from '#lib/client/queries/vaults.ts';
import type { SourceView } from '#lib/contracts/sources.ts';
import { usualVault } from './vault-choice.ts';

/** Into which vault? The usual one is chosen already. Then the run's page. */
export function BackupDialog({ source, onClose }: { source: SourceView; onClose: () => void }) {
  const router = useRouter();
  const vaults = useQuery(vaultsQuery());
  const start = useStartBackup();
  const [picked, setPicked] = useState<string | null>(null);
  const vaultId = picked ?? (vaults.data === undefined ? undefined : usualVault(source, vaults.data)?.id);
  const none = vaults.data?.length === 0;
  const go = () => {
    if (vaultId === undefined || start.isPending) return;
    start.mutate({ sourceId: source.id, vaultId }, { onSuccess: (run) => router.push(`/runs/${run.id}`) });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={`Back up ${source.name} now`}
      description={source.config.path}
      width="sm"
      footer={
        none ? (
          <ButtonLink variant="primary" href="/vaults/new">
            Create a vault
          </ButtonLink>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button
              variant="primary"
              busy={start.isPending || start.isSuccess}
              disabled={vaultId === undefined}
              onClick={go}
            >
              Back up now
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-3">
        {start.isError ? <LoadError compact error={start.error} what="The backup was not started." /> : null}
        {vaults.isError ? <LoadError compact error={vaults.error} onRetry={() => void vaults.refetch()} /> : null}
        {vaults.isPending ? <Skeleton className="h-14" /> : null}
        {none ? <p className="text-base text-ink-2">There is no vault yet to keep it in.</p> : null}
        {vaults.data !== undefined && vaults.data.length > 0 ? (
          <RadioGroup
            label="Into which vault"
            value={vaultId ?? ''}
            onValueChange={setPicked}
            options={vaults.data.map((vault) => ({
              value: vault.id,
              label: vault.name,
              hint: [
                vault.store.path,
                vault.freeBytes === null ? null : `${formatBytes(vault.freeBytes)} free`,
                vault.id === source.lastPoint?.vaultId ? 'used last' : null,
                vault.unreachable === null ? null : 'not reachable',
              ]
                .filter(Boolean)
                .join(' · '),
            }))}
          />
        ) : null}
        {source.worker.online ? null : (
          <p className="text-sm text-warn">
            The worker {source.worker.name} is not running. The backup waits until it is back.
          </p>
        )}
      </div>
    </Dialog>
  );
}
