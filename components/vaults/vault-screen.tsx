'use client';

import { useQuery } from '@tanstack/react-query';
import { Download, EllipsisVertical, Pencil, ShieldCheck } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead, Section } from '#components/shell/page-head.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { CopyButton, CopyId } from '#components/ui/copy.tsx';
import { Dialog } from '#components/ui/dialog.tsx';
import { Bytes, None, RelativeTime } from '#components/ui/figures.tsx';
import { iconButtonClass } from '#components/ui/icon-button.tsx';
import { Menu, MenuItem } from '#components/ui/menu.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { Badge, Notice } from '#components/ui/state.tsx';
import { useUrlState } from '#components/ui/use-url-state.ts';
import { formatBytes, formatPlural } from '#lib/client/format.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { vaultQuery } from '#lib/client/queries/vaults.ts';
import type { VaultDetail } from '#lib/contracts/vaults.ts';
import { CheckDialog } from './check-dialog.tsx';
import { DedupRatio, FigureRow } from './figures.tsx';
import { KitStep } from './kit-step.tsx';
import { VaultChecks, VaultPoints, VaultSources } from './vault-contents.tsx';
import { VaultEditDialog } from './vault-edit-dialog.tsx';
import { VaultGrowth } from './vault-growth.tsx';
import { vaultVerdict } from './vault-state.ts';

export function VaultScreen({ id }: { id: string }) {
  const vault = useQuery(vaultQuery(id));
  if (vault.data !== undefined) return <Loaded vault={vault.data} />;
  return (
    <>
      <PageHead title="Vault" trail={[{ label: 'Vaults', href: '/vaults' }, { label: 'Vault' }]} />
      {vault.isError ? (
        <LoadError
          error={vault.error}
          what="The vault could not be read."
          onRetry={() => void vault.refetch()}
          retrying={vault.isFetching}
          actions={
            <ButtonLink href="/vaults" size="sm">
              All vaults
            </ButtonLink>
          }
        />
      ) : (
        <div role="status" aria-label="Reading the vault" className="flex flex-col gap-6">
          <Skeleton className="h-18 w-full" />
          <Skeleton className="h-45 w-full" />
        </div>
      )}
    </>
  );
}

type Open = 'check' | 'kit' | 'edit' | null;

function Loaded({ vault }: { vault: VaultDetail }) {
  const url = useUrlState();
  const [open, setOpen] = useState<Open>(url.get('kit') === '' ? null : 'kit');
  const mayCheck = useMay('vault:check');
  const mayKit = useMay('vault:recovery-kit');
  const mayEdit = useMay('vault:update');
  const verdict = vaultVerdict(vault);
  const close = (next: boolean): void => {
    setOpen(next ? open : null);
    if (!next) url.set({ kit: null });
  };
  return (
    <>
      <PageHead
        title={vault.name}
        trail={[{ label: 'Vaults', href: '/vaults' }, { label: vault.name }]}
        badge={<Badge tone={verdict.tone}>{verdict.word}</Badge>}
        tabState={verdict.tone === 'bad' ? `■ ${verdict.word}` : undefined}
        truth={
          <span className="flex flex-wrap items-center gap-x-3 gap-y-0.5">
            <span>{verdict.means}</span>
          </span>
        }
        action={
          <>
            {mayCheck ? (
              <Button variant="primary" icon={<ShieldCheck aria-hidden="true" />} onClick={() => setOpen('check')}>
                Check now
              </Button>
            ) : null}
            {mayKit || mayEdit ? (
              <Menu
                trigger={
                  <button type="button" aria-label="More actions" className={iconButtonClass('md')}>
                    <EllipsisVertical aria-hidden="true" />
                  </button>
                }
              >
                {mayKit ? (
                  <MenuItem icon={<Download aria-hidden="true" />} onSelect={() => setOpen('kit')}>
                    Recovery kit
                  </MenuItem>
                ) : null}
                {mayEdit ? (
                  <MenuItem icon={<Pencil aria-hidden="true" />} onSelect={() => setOpen('edit')}>
                    Rename or move to a zone
                  </MenuItem>
                ) : null}
              </Menu>
            ) : null}
          </>
        }
      />
      <div className="flex flex-col gap-2 empty:hidden">
        {vault.unreachable === null ? null : (
          <Notice tone="bad" title="The vault cannot be reached.">
            {vault.unreachable}
          </Notice>
        )}
        {vault.kitDownloadedAt === null ? (
          <Notice
            tone="warn"
            title="Nobody has downloaded the recovery kit of this vault."
            actions={
              mayKit ? (
                <Button size="sm" onClick={() => setOpen('kit')} icon={<Download aria-hidden="true" />}>
                  Get the recovery kit
                </Button>
              ) : undefined
            }
          >
            If this machine is lost, the backups in it cannot be opened.
          </Notice>
        ) : null}
      </div>
      <div className="mt-4">
        <FigureRow figures={figures(vault)} />
      </div>
      <VaultGrowth vault={vault} />
      <div className="mt-8 grid gap-x-10 gap-y-8 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div>
          <VaultPoints vaultId={vault.id} total={vault.recoveryPoints} />
          <VaultSources vault={vault} />
        </div>
        <div>
          <VaultChecks vaultId={vault.id} />
          <Facts vault={vault} />
        </div>
      </div>
      <CheckDialog vault={vault} open={open === 'check'} onOpenChange={close} />
      <Dialog open={open === 'kit'} onOpenChange={close} title={`Recovery kit of ${vault.name}`}>
        <KitStep vaultId={vault.id} />
      </Dialog>
      {open === 'edit' ? <VaultEditDialog vault={vault} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

function figures(vault: VaultDetail): { label: string; value: ReactNode; note?: ReactNode }[] {
  return [
    {
      label: 'Stored',
      value: <Bytes value={vault.storedBytes} />,
      note: vault.measuredAt === null ? 'not measured yet' : <RelativeTime at={vault.measuredAt} prefix="measured" />,
    },
    {
      label: 'Protects',
      value: <Bytes value={vault.logicalBytes} />,
      note: `in ${formatPlural(vault.recoveryPoints, 'recovery point')}`,
    },
    {
      label: 'Dedup ratio',
      value: <DedupRatio vault={vault} />,
      note: `${formatBytes(vault.uniqueBytes)} unique before compression`,
    },
    {
      label: 'Free',
      value: vault.freeBytes === null ? <None>unknown</None> : <Bytes value={vault.freeBytes} />,
      note: 'on its file system',
    },
  ];
}

function Facts({ vault }: { vault: VaultDetail }) {
  return (
    <Section title="Facts">
      <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 text-sm [&>dd]:min-h-8 [&>dd]:py-1.5 [&>dt]:py-1.5 [&>dt]:text-ink-3">
        <dt>Folder</dt>
        <dd className="flex items-center gap-1">
          <span className="font-mono [overflow-wrap:anywhere]">{vault.store.path}</span>
          <CopyButton text={vault.store.path} label="Copy the folder" />
        </dd>
        <dt>Repository</dt>
        <dd>
          <CopyId id={vault.repositoryId} length={12} /> <span className="text-ink-3">restic format 2</span>
        </dd>
        <dt>Zone</dt>
        <dd>{vault.zone ?? <None>no zone</None>}</dd>
        <dt>Created</dt>
        <dd>
          <RelativeTime at={vault.createdAt} />
        </dd>
        <dt>Recovery kit</dt>
        <dd>
          {vault.kitDownloadedAt === null ? (
            'never downloaded'
          ) : (
            <RelativeTime at={vault.kitDownloadedAt} prefix="downloaded" />
          )}
        </dd>
      </dl>
    </Section>
  );
}
