'use client';

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { ArrowRight, Search } from 'lucide-react';
import Link from 'next/link';
import { type ReactNode, useDeferredValue, useEffect, useMemo } from 'react';
import { Figure } from '#components/runs/run-progress.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { Bytes } from '#components/ui/figures.tsx';
import { Input } from '#components/ui/input.tsx';
import { Segmented } from '#components/ui/segmented.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatCount, formatInstant, formatPlural } from '#lib/client/format.ts';
import { DIFF_MOST, diffQuery, pointQuery } from '#lib/client/queries/recovery-points.ts';
import type { DiffView, RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import { CHANGE_WORD, type Change, ChangeList } from './change-list.tsx';
import { LeftOutNotice } from './left-out-notice.tsx';
import { pointName } from './point-screen.tsx';

const KINDS = ['all', 'added', 'removed', 'modified', 'metadata', 'type'] as const;

/** From one recovery point to a later one: totals first, then every change. */
export function CompareScreen({ id }: { id: string }) {
  const url = useUrlState();
  const point = useQuery(pointQuery(id));
  const withId = url.get('with') || point.data?.previousId || '';
  const trail = [
    { label: 'Recovery points', href: '/recovery-points' },
    ...(point.data === undefined ? [] : [{ label: pointName(point.data), href: `/recovery-points/${id}` }]),
    { label: 'Compare' },
  ];
  if (point.data !== undefined && withId === '')
    return (
      <>
        <PageHead title="Compare" trail={trail} />
        <EmptyState
          title="There is nothing before it to compare with"
          action={<Link href={`/recovery-points/${id}`}>Back to the recovery point</Link>}
        >
          It is the first recovery point of its source.
        </EmptyState>
      </>
    );
  return (
    <>
      <PageHead
        title="What changed"
        tabTitle={point.data === undefined ? 'Compare' : `Changes of ${pointName(point.data)}`}
        trail={trail}
      />
      {point.isError && point.data === undefined ? <LoadError error={point.error} /> : null}
      {withId === '' ? <CompareSkeleton /> : <Comparison id={id} withId={withId} />}
    </>
  );
}

function Comparison({ id, withId }: { id: string; withId: string }) {
  const url = useUrlState();
  const query = useInfiniteQuery(diffQuery(id, withId));
  const kind = oneOf(url.get('change'), KINDS, 'all');
  const text = useDeferredValue(url.get('find'));
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query;
  // All of it, part after part: the filters below are only right on the whole.
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  const pages = query.data?.pages;
  const changes = useMemo(() => pages?.flatMap((page) => page.changes) ?? [], [pages]);
  const shown = useMemo(() => select(changes, kind, text), [changes, kind, text]);
  const diff = pages?.[0];
  if (query.isError && diff === undefined)
    return <LoadError error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />;
  if (diff === undefined) return <CompareSkeleton />;
  const { totals } = diff;
  const all = totals.added + totals.removed + totals.modified + totals.metadata + totals.type;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1 text-base">
        <PointLink point={diff.from} />
        <ArrowRight className="size-4 text-ink-3" aria-label="to" />
        <PointLink point={diff.to} />
      </div>
      <dl className="mb-4 grid grid-cols-2 gap-x-6 gap-y-3 border-y border-line py-3 sm:grid-cols-3 lg:grid-cols-7">
        <Figure name="Added">{formatCount(totals.added)}</Figure>
        <Figure name="Removed">{formatCount(totals.removed)}</Figure>
        <Figure name="Content changed">{formatCount(totals.modified)}</Figure>
        <Figure name="Only owner, mode or time">{formatCount(totals.metadata)}</Figure>
        <Figure name="Kind changed">{formatCount(totals.type)}</Figure>
        <Figure name="Grew by">
          <Bytes value={totals.bytesAdded} />
        </Figure>
        <Figure name="Shrank by">
          <Bytes value={totals.bytesRemoved} />
        </Figure>
      </dl>
      {diff.problems.length === 0 ? null : (
        <div className="mb-4">
          <LeftOutNotice problems={diff.problems} of="this comparison" />
        </div>
      )}
      {all === 0 ? (
        <EmptyState title={diff.problems.length === 0 ? 'Nothing changed' : 'Nothing else changed'}>
          {diff.problems.length === 0
            ? 'The two recovery points hold exactly the same files.'
            : 'Of what could be compared, the two recovery points hold the same files.'}
        </EmptyState>
      ) : (
        <>
          <div className="mb-2 flex flex-wrap items-center gap-2" data-print="none">
            <div className="max-w-full overflow-x-auto">
              <Segmented
                label="Kind of change"
                value={kind}
                onValueChange={(next) => url.set({ change: next === 'all' ? null : next })}
                options={KINDS.filter((one) => one === 'all' || totals[one] > 0).map((value) => ({
                  value,
                  label: value === 'all' ? 'All' : CHANGE_WORD[value],
                }))}
              />
            </div>
            <div className="w-full sm:w-64">
              <Input
                type="search"
                data-search
                aria-label="Search paths"
                placeholder="Search paths"
                lead={<Search />}
                value={url.get('find')}
                onChange={(event) => url.set({ find: event.target.value })}
              />
            </div>
            <span className="ml-auto text-xs text-ink-3 tabular" aria-live="polite">
              {hasNextPage
                ? `reading, ${formatCount(changes.length)} of ${formatCount(all)}`
                : formatPlural(shown.length, 'change')}
            </span>
          </div>
          {isFetchNextPageError ? <LoadError compact error={query.error} onRetry={() => void fetchNextPage()} /> : null}
          <ChangeList changes={shown} toId={id} fromId={withId} />
          {!hasNextPage && (diff.truncated || all > changes.length) ? <Truncated diff={diff} /> : null}
        </>
      )}
    </>
  );
}

function select(changes: readonly Change[], kind: (typeof KINDS)[number], text: string): readonly Change[] {
  const wanted = text.trim().toLowerCase();
  if (kind === 'all' && wanted === '') return changes;
  return changes.filter(
    (one) => (kind === 'all' || one.change === kind) && (wanted === '' || one.path.toLowerCase().includes(wanted)),
  );
}

function Truncated({ diff }: { diff: DiffView }): ReactNode {
  return (
    <p className="mt-2 text-sm text-ink-3">
      {diff.truncated ? 'The comparison stopped at 100,000 changes; the totals count those. ' : ''}
      The first {formatCount(DIFF_MOST)} are listed.
    </p>
  );
}

function PointLink({ point }: { point: RecoveryPointView }) {
  return (
    <Link
      href={`/recovery-points/${point.id}`}
      className="text-ink underline decoration-line-strong underline-offset-2 tabular hover:decoration-ink"
    >
      {formatInstant(Date.parse(point.time))}
    </Link>
  );
}

function CompareSkeleton() {
  return (
    <div role="status" aria-label="Comparing">
      <Skeleton className="h-4 w-80 max-w-full" />
      <Skeleton className="mt-5 h-14 w-full" />
      <Skeleton className="mt-5 h-80 w-full" />
    </div>
  );
}
