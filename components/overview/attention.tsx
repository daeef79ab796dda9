'use client';

import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { Section } from '#components/shell/page-head.tsx';
import { runState, runTitle, runWait } from '#components/shell/run-words.ts';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { RelativeTime, useNow } from '#components/ui/figures.tsx';
import { StateMark } from '#components/ui/state.tsx';
import { notify } from '#components/ui/toast.tsx';
import { vaultVerdict } from '#components/vaults/vault-state.ts';
import { toApiError } from '#lib/client/api.ts';
import { useRetryRun } from '#lib/client/queries/runs.ts';
import { useMay } from '#lib/client/queries/session.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';
import type { AttentionItem } from './attention-items.ts';

/** Why it needs someone, in the words of the failure itself. */
function reason(run: RunView): string {
  if (run.error !== null) return run.error.message;
  if (run.outcome === 'lost') return 'The worker stopped answering before it was finished.';
  return 'It failed without a reason. The log of the run tells more.';
}

/** What needs a person, with the action that mends it inside. Nothing at all when all is well. */
export function Attention({ items }: { items: readonly AttentionItem[] }) {
  if (items.length === 0) return null;
  return (
    <Section title="Needs attention" count={items.length}>
      <ul className="border-t border-line">
        {items.map((item) =>
          item.kind === 'run' ? (
            <RunItem key={item.run.id} run={item.run} />
          ) : (
            <VaultItem key={item.vault.id} vault={item.vault} />
          ),
        )}
      </ul>
    </Section>
  );
}

function VaultItem({ vault }: { vault: VaultView }) {
  const { tone, word, means } = vaultVerdict(vault);
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 border-b border-line py-2.5 pl-1">
      <StateMark tone={tone} className="mt-[5px]" />
      <div className="min-w-0 flex-1 basis-64">
        <p className="text-base">
          Vault{' '}
          <Link href={`/vaults/${vault.id}`} className="font-medium hover:underline">
            {vault.name}
          </Link>
          <span className={tone === 'bad' ? 'text-bad' : 'text-warn'}>: {word.toLowerCase()}</span>
        </p>
        <p className="text-sm text-ink-2 [overflow-wrap:anywhere]">{means}</p>
      </div>
      <ButtonLink size="sm" href={tone === 'warn' ? `/vaults/${vault.id}?kit=1` : `/vaults/${vault.id}`}>
        {tone === 'warn' ? 'Get the kit' : 'Open the vault'}
      </ButtonLink>
    </li>
  );
}

function RunItem({ run }: { run: RunView }) {
  const router = useRouter();
  const retry = useRetryRun();
  const mayRetry = useMay('run:retry');
  const mayRestore = useMay('restore:create');
  const { tone, word } = runState(run);
  const wait = runWait(run, useNow());
  const hint = wait?.remedy ?? run.error?.hint;
  const again = (): void =>
    retry.mutate(run.id, {
      onSuccess: (next) => router.push(`/runs/${next.id}`),
      onError: (error) => {
        const { detail, hint } = toApiError(error);
        notify({ tone: 'bad', title: detail, ...(hint === undefined ? {} : { description: hint }) });
      },
    });
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 border-b border-line py-2.5 pl-1">
      <StateMark tone={tone} className="mt-[5px]" />
      <div className="min-w-0 flex-1 basis-64">
        <p className="text-base">
          <Link href={`/runs/${run.id}`} className="font-medium hover:underline">
            {runTitle(run)}
          </Link>{' '}
          <span className={tone === 'bad' ? 'text-bad' : 'text-warn'}>{word.toLowerCase()}</span>{' '}
          <span className="text-ink-3">
            <RelativeTime at={run.finishedAt ?? run.queuedAt} />
          </span>
        </p>
        <p suppressHydrationWarning className="text-sm text-ink-2 [overflow-wrap:anywhere]">
          {wait?.sentence ?? reason(run)}
        </p>
        {hint === undefined ? null : <p className="text-sm text-ink">{hint}</p>}
      </div>
      {wait !== null ? (
        <ButtonLink size="sm" href="/workers">
          Look at the workers
        </ButtonLink>
      ) : run.kind === 'restore' ? (
        mayRestore && run.recoveryPointId !== null ? (
          <ButtonLink size="sm" href={`/recovery-points/${run.recoveryPointId}/restore`}>
            Restore again
          </ButtonLink>
        ) : null
      ) : mayRetry ? (
        <Button size="sm" busy={retry.isPending} onClick={again}>
          Run again
        </Button>
      ) : null}
    </li>
  );
}
