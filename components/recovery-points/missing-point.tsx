'use client';

import { ButtonLink } from '#components/ui/button.tsx';
import { Notice, StateMark } from '#components/ui/state.tsx';
import { formatShortInstant, shortId } from '#lib/client/format.ts';
import type { RecoveryPointDetail, RecoveryPointView } from '#lib/contracts/recovery-points.ts';

/** "Missing from the vault since 20 Nov, 19:23", in words for titles as well. */
export function missingWords(missingSince: string): string {
  return `Missing from the vault since ${formatShortInstant(Date.parse(missingSince), Date.now())}`;
}

/** Second line of a row. Nothing for a point that is there. */
export function MissingLine({ point }: { point: Pick<RecoveryPointView, 'missingSince'> }) {
  if (point.missingSince === null) return null;
  return (
    <span suppressHydrationWarning className="flex items-center gap-1.5 text-xs font-normal text-bad">
      <StateMark tone="bad" className="size-2" />
      <span className="truncate">{missingWords(point.missingSince)}</span>
    </span>
  );
}

/** In place of all that one could do with the point. */
export function MissingNotice({
  point,
}: {
  point: RecoveryPointView & Partial<Pick<RecoveryPointDetail, 'previousId'>>;
}) {
  if (point.missingSince === null) return null;
  return (
    <Notice
      tone="bad"
      title={<span suppressHydrationWarning>{missingWords(point.missingSince)}.</span>}
      actions={
        <>
          <ButtonLink size="sm" href={`/vaults/${point.vault.id}`}>
            Open the vault
          </ButtonLink>
          {point.previousId ? (
            <ButtonLink size="sm" href={`/recovery-points/${point.previousId}`}>
              Open the recovery point before it
            </ButtonLink>
          ) : null}
        </>
      }
    >
      A check did not find its snapshot <span className="font-mono">{shortId(point.snapshotId)}</span> in{' '}
      {point.vault.name}: another program deleted it, or its file was lost. It cannot be browsed or restored. Once its
      file is back in the vault, the next check or backup finds it again.
    </Notice>
  );
}
