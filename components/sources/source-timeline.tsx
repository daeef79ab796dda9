'use client';

import { useQuery } from '@tanstack/react-query';
import { FolderOpen, GitCompareArrows, RotateCcw } from 'lucide-react';
import { MissingNotice } from '#components/recovery-points/missing-point.tsx';
import { PointFacts } from '#components/recovery-points/point-summary.tsx';
import { Timeline } from '#components/recovery-points/timeline.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { RelativeTime } from '#components/ui/figures.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { useUrlState } from '#components/ui/use-url-state.ts';
import { formatInstant, formatShortInstant } from '#lib/client/format.ts';
import { timelineQuery } from '#lib/client/queries/recovery-points.ts';
import { useMay } from '#lib/client/queries/session.ts';
import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';

/** The timeline with what one does with the chosen point below it. The choice is in the address. */
export function SourceTimeline({ sourceId }: { sourceId: string }) {
  const url = useUrlState();
  const query = useQuery(timelineQuery(sourceId));
  const mayRestore = useMay('restore:create');
  const mayBrowse = useMay('recovery-point:browse');
  if (query.isError && query.data === undefined)
    return (
      <LoadError
        compact
        error={query.error}
        what="The recovery points could not be read."
        onRetry={() => void query.refetch()}
      />
    );
  if (query.data === undefined) return <Skeleton className="h-40 w-full" />;
  const { points, complete } = query.data;
  // The newest that can be restored, unless one is asked for.
  const point = points.find((one) => one.id === url.get('point')) ?? points.find(isThere) ?? points[0];
  const other = points.find((one) => one.id === url.get('with'));
  if (point === undefined) return null;
  // Only points of one vault can be compared: two repositories share nothing.
  const comparable = (one: RecoveryPointView) => one.id !== point.id && one.vault.id === point.vault.id && isThere(one);
  const previous = points.slice(points.indexOf(point) + 1).find(comparable);
  const compared = other !== undefined && comparable(other) ? other : previous;
  const [from, to] = compared === undefined || !isThere(point) ? [] : order(point, compared);
  return (
    <>
      <Timeline
        points={points}
        selected={point.id}
        second={other?.id ?? null}
        onSelect={(id) => url.set({ point: id, with: null })}
        onSecond={(id) => url.set({ point: point.id, with: id === point.id ? null : id })}
      />
      {complete ? null : (
        <p className="text-xs text-ink-3">The newest {points.length} points; older ones are in the list.</p>
      )}
      <div className="mt-3 border-t border-line pt-3">
        <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
          <p className="min-w-0 flex-1 basis-60 text-base">
            <span className="font-semibold">{formatInstant(Date.parse(point.time))}</span>{' '}
            <span className="text-ink-3">
              <RelativeTime at={point.time} />
            </span>
          </p>
          <div className="flex flex-wrap gap-2" data-print="none">
            {mayBrowse && isThere(point) ? (
              <ButtonLink href={`/recovery-points/${point.id}`} icon={<FolderOpen aria-hidden="true" />}>
                Browse
              </ButtonLink>
            ) : null}
            {mayRestore && isThere(point) ? (
              <ButtonLink href={`/recovery-points/${point.id}/restore`} icon={<RotateCcw aria-hidden="true" />}>
                Restore
              </ButtonLink>
            ) : null}
            {from === undefined || to === undefined || !mayBrowse ? null : (
              <ButtonLink
                href={`/recovery-points/${to.id}/compare?with=${from.id}`}
                icon={<GitCompareArrows aria-hidden="true" />}
              >
                {compared === previous
                  ? 'Compare with the previous'
                  : `Compare with ${formatShortInstant(Date.parse(compared?.time ?? ''), Date.now())}`}
              </ButtonLink>
            )}
          </div>
        </div>
        {isThere(point) ? null : (
          <div className="mb-3">
            <MissingNotice point={point} />
          </div>
        )}
        <PointFacts point={point} />
      </div>
    </>
  );
}

function isThere(point: RecoveryPointView): boolean {
  return point.missingSince === null;
}

function order<P extends { time: string }>(a: P, b: P): [P, P] {
  return Date.parse(a.time) <= Date.parse(b.time) ? [a, b] : [b, a];
}
