import type { ReactNode } from 'react';
import { None } from '#components/ui/figures.tsx';
import { formatBytes, formatRatio } from '#lib/client/format.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

export function DedupRatio({ vault }: { vault: Pick<VaultView, 'dedupRatio' | 'logicalBytes' | 'storedBytes'> }) {
  if (vault.dedupRatio === null) return <None>empty</None>;
  return (
    <span
      className="relative z-10 tabular"
      title={`${formatBytes(vault.logicalBytes)} of recovery points in ${formatBytes(vault.storedBytes)}`}
    >
      {formatRatio(vault.dedupRatio)}
    </span>
  );
}

/** Figures in a row with hairlines between them; they wrap on a phone. */
export function FigureRow({ figures }: { figures: readonly { label: string; value: ReactNode; note?: ReactNode }[] }) {
  return (
    <dl className="grid grid-cols-2 border-y border-line sm:flex sm:divide-x sm:divide-line">
      {figures.map((figure) => (
        <div key={figure.label} className="min-w-0 flex-1 px-1 py-3 sm:px-4 sm:first:pl-1">
          <dt className="text-xs text-ink-3">{figure.label}</dt>
          <dd className="text-xl font-medium tracking-[-0.01em] tabular">{figure.value}</dd>
          {figure.note === undefined ? null : <dd className="text-xs text-ink-3">{figure.note}</dd>}
        </div>
      ))}
    </dl>
  );
}
