'use client';

import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { RadioGroup } from '#components/ui/choice.tsx';
import { Dialog } from '#components/ui/dialog.tsx';
import { formatBytes } from '#lib/client/format.ts';
import { useCheckVault } from '#lib/client/queries/vaults.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

type Depth = 'structure' | 'data';

export function CheckDialog({
  vault,
  open,
  onOpenChange,
}: {
  vault: VaultView;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const router = useRouter();
  const [depth, setDepth] = useState<Depth>('structure');
  const check = useCheckVault(vault.id);
  const start = (): void =>
    check.mutate(
      { readData: depth === 'data' },
      {
        onSuccess: (run) => {
          onOpenChange(false);
          router.push(`/runs/${run.id}`);
        },
      },
    );
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Check ${vault.name}`}
      description="A check reads; it changes nothing."
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button variant="primary" busy={check.isPending} onClick={start}>
            Start the check
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        {check.error === null ? null : <LoadError compact error={check.error} what="The check was not started." />}
        <RadioGroup
          label="How deep"
          hideLabel
          value={depth}
          onValueChange={setDepth}
          options={[
            {
              value: 'structure',
              label: 'Structure',
              hint: 'Every recovery point, folder and file leads to data that is there. Takes seconds to minutes.',
            },
            {
              value: 'data',
              label: 'Structure and all data',
              hint: `Also reads all ${formatBytes(vault.storedBytes)} and compares every piece with its fingerprint. The only proof that the disk still gives back what was written.`,
            },
          ]}
        />
      </div>
    </Dialog>
  );
}
