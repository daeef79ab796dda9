'use client';

import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { PageHead } from '#components/shell/page-head.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { Checkbox } from '#components/ui/choice.tsx';
import { Select } from '#components/ui/select.tsx';
import { notify } from '#components/ui/toast.tsx';
import { toApiError } from '#lib/client/api.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { useCreateSource, useStartBackup } from '#lib/client/queries/sources.ts';
import { vaultsQuery } from '#lib/client/queries/vaults.ts';
import type { CreateSource } from '#lib/contracts/sources.ts';
import { SourceForm } from './source-form.tsx';

export function NewSourceScreen() {
  const router = useRouter();
  const create = useCreateSource();
  const start = useStartBackup();
  const mayStart = useMay('source:backup');
  const { data: vaults = [] } = useQuery(vaultsQuery());
  const [atOnce, setAtOnce] = useState(true);
  const [picked, setPicked] = useState<string | null>(null);
  const vaultId = picked ?? vaults[0]?.id;

  const submit = async (body: CreateSource) => {
    const source = await create.mutateAsync(body);
    if (atOnce && mayStart && vaultId !== undefined) {
      try {
        const run = await start.mutateAsync({ sourceId: source.id, vaultId });
        router.push(`/runs/${run.id}`);
        return;
      } catch (error) {
        // The source is there: a failed start must not look as if nothing had been saved.
        const facts = toApiError(error);
        notify({
          tone: 'bad',
          title: `${source.name} is added, but its backup did not start.`,
          description: facts.detail,
        });
      }
    } else notify({ title: `${source.name} is added.` });
    router.push(`/sources/${source.id}`);
  };

  return (
    <>
      <PageHead
        title="Add a source"
        trail={[{ label: 'Sources', href: '/sources' }, { label: 'New' }]}
        truth="A folder on a worker’s machine that is to be protected."
      />
      <div className="max-w-[560px]">
        <SourceForm
          submit={submit}
          label={atOnce && mayStart && vaultId !== undefined ? 'Add and back up' : 'Add source'}
          failed="The source was not added."
          cancel={<ButtonLink href="/sources">Cancel</ButtonLink>}
          extra={
            mayStart && vaults.length > 0 ? (
              <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                <Checkbox checked={atOnce} onCheckedChange={setAtOnce} label="Back it up right away into" />
                {vaults.length === 1 ? (
                  <span className="-ml-2 text-base font-medium">{vaults[0]?.name}</span>
                ) : (
                  <Select
                    aria-label="Vault"
                    className="w-52!"
                    value={vaultId ?? null}
                    onValueChange={setPicked}
                    disabled={!atOnce}
                    options={vaults.map((vault) => ({ value: vault.id, label: vault.name }))}
                  />
                )}
              </div>
            ) : null
          }
        />
      </div>
    </>
  );
}
