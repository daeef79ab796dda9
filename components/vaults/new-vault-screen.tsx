'use client';

import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { PageHead } from '#components/shell/page-head.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { vaultsQuery } from '#lib/client/queries/vaults.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';
import { KitStep } from './kit-step.tsx';
import { VaultForm } from './vault-form.tsx';

export function NewVaultScreen() {
  const router = useRouter();
  const { data: vaults } = useQuery(vaultsQuery());
  const [created, setCreated] = useState<VaultView | null>(null);
  const trail = [{ label: 'Vaults', href: '/vaults' }, { label: 'New' }];
  if (created !== null) {
    // The first kit is the one nobody has yet: no way round it.
    const first =
      (vaults ?? []).filter((vault) => vault.id !== created.id && vault.kitDownloadedAt !== null).length === 0;
    const open = (): void => router.push(`/vaults/${created.id}`);
    return (
      <>
        <PageHead
          title={`Recovery kit of ${created.name}`}
          trail={trail}
          truth="The vault is made. One step is left."
        />
        <KitStep vaultId={created.id}>
          {(done) => (
            <div className="flex items-center gap-2">
              <Button variant="primary" disabled={!done} onClick={open}>
                Open the vault
              </Button>
              {first || done ? null : <Button onClick={open}>Later</Button>}
            </div>
          )}
        </KitStep>
      </>
    );
  }
  return (
    <>
      <PageHead
        title="Create a vault"
        trail={trail}
        truth="A folder that becomes an encrypted restic repository. Its password is made here and never leaves the console."
      />
      <div className="max-w-[560px]">
        <VaultForm onCreated={setCreated} cancel={<ButtonLink href="/vaults">Cancel</ButtonLink>} />
      </div>
    </>
  );
}
