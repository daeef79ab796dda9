'use client';

import { useQuery } from '@tanstack/react-query';
import { ChevronLeft, ChevronRight, GitCompareArrows, RotateCcw } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { PageHead } from '#components/shell/page-head.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { cx } from '#components/ui/cx.ts';
import { RelativeTime } from '#components/ui/figures.tsx';
import { iconButtonClass } from '#components/ui/icon-button.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { Badge, Notice } from '#components/ui/state.tsx';
import { Tooltip } from '#components/ui/tooltip.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatInstant } from '#lib/client/format.ts';
import { pointQuery } from '#lib/client/queries/recovery-points.ts';
import { sessionQuery, useMay } from '#lib/client/queries/session.ts';
import type { RecoveryPointDetail } from '#lib/contracts/recovery-points.ts';
import { BrowseActions } from './browse-actions.tsx';
import { FileBrowser, type Place } from './file-browser.tsx';
import { MissingNotice } from './missing-point.tsx';
import { NotShown } from './not-shown.tsx';
import { PointFacts } from './point-summary.tsx';
import { NOTHING, type Selection } from './selection.ts';

const SORTS = ['name', 'size', 'mtime'] as const;

export function PointScreen({ id }: { id: string }) {
  const query = useQuery(pointQuery(id));
  if (query.data !== undefined) return <Point point={query.data} />;
  if (query.isError)
    return (
      <>
        <PageHead
          title="Recovery point"
          trail={[{ label: 'Recovery points', href: '/recovery-points' }, { label: 'Not shown' }]}
        />
        <NotShown query={query} href="/recovery-points" all="All recovery points" />
      </>
    );
  return (
    <div role="status" aria-label="Reading the recovery point">
      <title>Recovery point · Holdfast</title>
      <Skeleton className="h-4 w-40" />
      <Skeleton className="mt-3 h-6 w-72 max-w-full" />
      <Skeleton className="mt-6 h-10 w-full" />
      <Skeleton className="mt-6 h-96 w-full" />
    </div>
  );
}

/** How a recovery point is called: its source and its time. */
export function pointName(point: { source: { name: string } | null; paths: string[]; hostname: string }): string {
  return point.source?.name ?? point.paths[0] ?? point.hostname;
}

function Point({ point }: { point: RecoveryPointDetail }) {
  const mayRestore = useMay('restore:create');
  const mayBrowse = useMay('recovery-point:browse');
  const session = useQuery(sessionQuery());
  const missing = point.missingSince !== null;
  const name = pointName(point);
  const when = formatInstant(Date.parse(point.time));
  return (
    <>
      <PageHead
        title={when}
        tabTitle={`${missing ? '■ Missing: ' : ''}${name}, ${when}`}
        badge={missing ? <Badge tone="bad">Missing</Badge> : undefined}
        trail={[
          { label: 'Recovery points', href: '/recovery-points' },
          ...(point.source === null ? [] : [{ label: point.source.name, href: `/sources/${point.source.id}` }]),
          { label: point.snapshotId.slice(0, 8) },
        ]}
        truth={
          <>
            {point.source === null ? name : <Link href={`/sources/${point.source.id}`}>{name}</Link>} as it was{' '}
            <RelativeTime at={point.time} /> on {point.hostname}.
          </>
        }
        action={
          <>
            <span className="flex">
              <Neighbour id={point.previousId} label="The point before" older />
              <Neighbour id={point.nextId} label="The point after" />
            </span>
            {point.previousId === null || missing || !mayBrowse ? null : (
              <ButtonLink
                href={`/recovery-points/${point.id}/compare?with=${point.previousId}`}
                icon={<GitCompareArrows aria-hidden="true" />}
              >
                Compare<span className="max-sm:hidden"> with the previous</span>
              </ButtonLink>
            )}
            {mayRestore && !missing ? (
              <ButtonLink
                variant="primary"
                href={`/recovery-points/${point.id}/restore`}
                icon={<RotateCcw aria-hidden="true" />}
              >
                Restore
              </ButtonLink>
            ) : null}
          </>
        }
      />
      <div className="mb-4 border-y border-line py-3">
        <PointFacts point={point} />
      </div>
      {missing ? (
        <MissingNotice point={point} />
      ) : mayBrowse ? (
        <Browse point={point} />
      ) : session.isSuccess ? (
        <Notice tone="idle" title="Your role may see that it exists, but not its files.">
          An owner can give you the role of an operator.
        </Notice>
      ) : null}
    </>
  );
}

function Browse({ point }: { point: RecoveryPointDetail }) {
  const url = useUrlState();
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const place: Place = {
    path: url.get('path') || point.rootPath,
    search: url.get('find') || undefined,
    sort: oneOf(url.get('sort'), SORTS, 'name'),
    order: oneOf(url.get('order'), ['asc', 'desc'] as const, 'asc'),
  };
  return (
    <FileBrowser
      panel
      className="h-[max(26rem,calc(100dvh-17.5rem))]"
      pointId={point.id}
      place={place}
      onPlace={(change, going) =>
        url.set(
          {
            ...('path' in change ? { path: change.path === point.rootPath ? null : change.path } : {}),
            ...('search' in change ? { find: change.search } : {}),
            ...('sort' in change ? { sort: change.sort === 'name' ? null : change.sort } : {}),
            ...('order' in change ? { order: change.order === 'asc' ? null : change.order } : {}),
          },
          going ? 'push' : 'replace',
        )
      }
      selection={selection}
      onSelection={setSelection}
      actions={
        <BrowseActions pointId={point.id} folder={place.path} selection={selection} onSelection={setSelection} />
      }
    />
  );
}

function Neighbour({ id, label, older = false }: { id: string | null; label: string; older?: boolean }) {
  const Icon = older ? ChevronLeft : ChevronRight;
  if (id === null)
    return (
      <span className={cx(iconButtonClass('md'), 'pointer-events-none opacity-40')} aria-hidden="true">
        <Icon />
      </span>
    );
  return (
    <Tooltip content={label}>
      <Link href={`/recovery-points/${id}`} aria-label={label} className={iconButtonClass('md')}>
        <Icon aria-hidden="true" />
      </Link>
    </Tooltip>
  );
}
