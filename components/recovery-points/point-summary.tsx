'use client';

import Link from 'next/link';
import { Figure } from '#components/runs/run-progress.tsx';
import { CopyId } from '#components/ui/copy.tsx';
import { Bytes } from '#components/ui/figures.tsx';
import { State } from '#components/ui/state.tsx';
import { formatCount, formatPlural } from '#lib/client/format.ts';
import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';

/** Facts of a recovery point in one line of figures. */
export function PointFacts({ point }: { point: RecoveryPointView }) {
  return (
    <dl className="grid grid-cols-3 gap-x-4 gap-y-3 sm:gap-x-6 lg:grid-cols-7">
      <Figure name="Files">{formatCount(point.files)}</Figure>
      <Figure name="Size">
        <Bytes value={point.bytes} />
      </Figure>
      <Figure name="Added">
        <Bytes value={point.addedBytes} />
      </Figure>
      <Figure name="Stored">
        <Bytes value={point.storedBytes} />
      </Figure>
      <Figure name="Problems">
        {point.problemCount === 0 ? (
          'none'
        ) : point.runId === null ? (
          <State tone="warn">{formatPlural(point.problemCount, 'file')}</State>
        ) : (
          <Link href={`/runs/${point.runId}?tab=problems`} className="hover:underline">
            <State tone="warn">{formatPlural(point.problemCount, 'file')} missing</State>
          </Link>
        )}
      </Figure>
      <Figure name="Vault">
        <Link href={`/vaults/${point.vault.id}`} className="hover:underline">
          {point.vault.name}
        </Link>
      </Figure>
      <Figure name="Snapshot">
        <CopyId id={point.snapshotId} />
      </Figure>
    </dl>
  );
}
