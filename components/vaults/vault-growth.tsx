'use client';

import dynamic from 'next/dynamic';
import { orNoChart } from '#components/charts/or-no-chart.tsx';
import { Section } from '#components/shell/page-head.tsx';
import { RelativeTime, useNow } from '#components/ui/figures.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { formatBytes } from '#lib/client/format.ts';
import type { VaultDetail } from '#lib/contracts/vaults.ts';

// The chart library is large and only this part needs it.
const GrowthChart = dynamic(
  () => orNoChart(import('#components/charts/growth-chart.tsx').then((part) => part.GrowthChart)),
  {
    ssr: false,
    loading: () => <Skeleton className="h-[180px] w-full" />,
  },
);

/** A line needs two ends. */
const ENOUGH_SAMPLES = 2;

export function VaultGrowth({ vault }: { vault: VaultDetail }) {
  const now = useNow();
  if (vault.growth.length < ENOUGH_SAMPLES) return null;
  const first = vault.growth[0];
  const grown = first === undefined ? 0 : vault.storedBytes - first.storedBytes;
  const words =
    first === undefined
      ? ''
      : `Stored bytes since ${first.at.slice(0, 10)}: ${formatBytes(first.storedBytes)} then, ${formatBytes(vault.storedBytes)} now.`;
  return (
    <Section
      title="Growth"
      action={
        first === undefined ? undefined : (
          <span className="text-sm text-ink-2 tabular">
            {grown >= 0 ? '+' : '−'}
            {formatBytes(Math.abs(grown))} since <RelativeTime at={first.at} />
          </span>
        )
      }
    >
      <GrowthChart points={vault.growth} now={now} label={words} />
    </Section>
  );
}
