'use client';

import Link from 'next/link';
import { Section } from '#components/shell/page-head.tsx';
import { Bytes, RelativeTime } from '#components/ui/figures.tsx';
import { Meter } from '#components/ui/progress.tsx';
import { State } from '#components/ui/state.tsx';
import { DedupRatio } from '#components/vaults/figures.tsx';
import { vaultVerdict } from '#components/vaults/vault-state.ts';
import { formatBytes, formatPercent, formatPlural } from '#lib/client/format.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

/** Where a disk begins to be a worry: below a tenth free, writing a large backup may fail. */
const LOW_SHARE = 0.1;

export function Storage({ vaults }: { vaults: readonly VaultView[] }) {
  if (vaults.length === 0) return null;
  return (
    <Section
      title="Storage"
      action={
        <Link href="/vaults" className="text-sm text-accent hover:underline">
          All vaults
        </Link>
      }
    >
      <ul className="border-t border-line">
        {vaults.map((vault) => (
          <Row key={vault.id} vault={vault} />
        ))}
      </ul>
    </Section>
  );
}

function Row({ vault }: { vault: VaultView }) {
  const verdict = vaultVerdict(vault);
  const total = vault.freeBytes === null ? null : vault.freeBytes + vault.storedBytes;
  const used = total === null || total === 0 ? null : vault.storedBytes / total;
  const low = used !== null && 1 - used < LOW_SHARE;
  return (
    <li className="relative border-b border-line py-2.5 pl-1 hover:bg-hover">
      <div className="flex items-baseline justify-between gap-4">
        <Link href={`/vaults/${vault.id}`} className="truncate text-sm font-medium after:absolute after:inset-0">
          {vault.name}
        </Link>
        <span className="text-sm tabular">
          <Bytes value={vault.storedBytes} />
        </span>
      </div>
      {used === null ? null : (
        <Meter
          value={used}
          label={`Space of ${vault.name}`}
          text={`${formatBytes(vault.storedBytes)} stored, ${formatBytes(vault.freeBytes ?? 0)} free`}
          tone={low ? 'warn' : 'idle'}
          className="my-1.5"
        />
      )}
      <div className="flex flex-wrap items-center justify-between gap-x-4 text-xs text-ink-3">
        <span className="inline-flex items-center gap-2">
          <State tone={verdict.tone}>{verdict.word}</State>
          {vault.lastCheck === null ? null : (
            <span>
              <RelativeTime at={vault.lastCheck.at} />
            </span>
          )}
        </span>
        <span className="tabular">
          {vault.dedupRatio === null ? null : (
            <>
              <DedupRatio vault={vault} /> dedup ·{' '}
            </>
          )}
          {vault.freeBytes === null
            ? formatPlural(vault.recoveryPoints, 'point')
            : `${formatBytes(vault.freeBytes)} free${low ? ` (${formatPercent(1 - (used ?? 0))})` : ''}`}
        </span>
      </div>
    </li>
  );
}
