'use client';

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { MoreHorizontal, Pencil, Play, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { DayStrip } from '#components/charts/day-strip.tsx';
import { NotShown } from '#components/recovery-points/not-shown.tsx';
import { RunTable } from '#components/runs/run-table.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead, Section } from '#components/shell/page-head.tsx';
import { SOURCE_STATE } from '#components/shell/source-words.ts';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { EmptyState } from '#components/ui/empty-state.tsx';
import { RelativeTime } from '#components/ui/figures.tsx';
import { iconButtonClass } from '#components/ui/icon-button.tsx';
import { Menu, MenuItem, MenuSeparator } from '#components/ui/menu.tsx';
import { Skeleton, TableSkeleton } from '#components/ui/skeleton.tsx';
import { Badge, Notice } from '#components/ui/state.tsx';
import { useUrlState } from '#components/ui/use-url-state.ts';
import { formatCount, formatPlural } from '#lib/client/format.ts';
import { runsQuery } from '#lib/client/queries/runs.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { sourceQuery } from '#lib/client/queries/sources.ts';
import type { SourceView } from '#lib/contracts/sources.ts';
import { BackupDialog } from './backup-dialog.tsx';
import { DeleteSourceDialog } from './delete-source-dialog.tsx';
import { EditSourceDialog } from './edit-source-dialog.tsx';
import { SourceConfigView } from './source-config.tsx';
import { SourceTimeline } from './source-timeline.tsx';

const LATEST_RUNS = 8;

export function SourceScreen({ id }: { id: string }) {
  const query = useQuery(sourceQuery(id));
  if (query.data !== undefined) return <Source source={query.data} />;
  if (query.isError)
    return (
      <>
        <PageHead title="Source" trail={[{ label: 'Sources', href: '/sources' }, { label: 'Not shown' }]} />
        <NotShown query={query} href="/sources" all="All sources" />
      </>
    );
  return (
    <div role="status" aria-label="Reading the source">
      <title>Source · Holdfast</title>
      <Skeleton className="h-4 w-24" />
      <Skeleton className="mt-3 h-6 w-60" />
      <Skeleton className="mt-2 h-4 w-80 max-w-full" />
      <Skeleton className="mt-8 h-24 w-full" />
      <div className="mt-8">
        <TableSkeleton label="Reading the runs" rows={4} columns={4} />
      </div>
    </div>
  );
}

function Source({ source }: { source: SourceView }) {
  const url = useUrlState();
  const mayStart = useMay('source:backup');
  const mayEdit = useMay('source:update');
  const mayDelete = useMay('source:delete');
  const dialog =
    url.get('backup') === '1'
      ? 'backup'
      : url.get('edit') === '1'
        ? 'edit'
        : url.get('delete') === '1'
          ? 'delete'
          : null;
  const close = () => url.set({ backup: null, edit: null, delete: null });
  const { tone, word, means } = SOURCE_STATE[source.state];
  // One that is missing now was made once: the timeline shows it.
  const made = source.recoveryPoints > 0 || source.state === 'missing';
  const busy = source.lastRun !== null && source.lastRun.state !== 'finished';
  return (
    <>
      <PageHead
        title={source.name}
        tabState={tone === 'bad' ? `■ ${word}` : tone === 'warn' ? '▲ Warning' : undefined}
        trail={[{ label: 'Sources', href: '/sources' }, { label: source.name }]}
        badge={<Badge tone={tone}>{word}</Badge>}
        truth={<Truth source={source} means={means} />}
        action={
          <>
            {mayStart && made ? (
              <Button
                variant="primary"
                icon={<Play aria-hidden="true" />}
                onClick={() => url.set({ backup: '1' }, 'push')}
              >
                Back up now
              </Button>
            ) : null}
            {mayEdit || mayDelete ? (
              <Menu
                trigger={
                  <button type="button" aria-label="More" className={iconButtonClass('md')}>
                    <MoreHorizontal aria-hidden="true" />
                  </button>
                }
              >
                {mayEdit ? (
                  <MenuItem icon={<Pencil aria-hidden="true" />} onSelect={() => url.set({ edit: '1' }, 'push')}>
                    Edit
                  </MenuItem>
                ) : null}
                {mayDelete ? (
                  <>
                    <MenuSeparator />
                    <MenuItem
                      danger
                      icon={<Trash2 aria-hidden="true" />}
                      onSelect={() => url.set({ delete: '1' }, 'push')}
                    >
                      Delete source
                    </MenuItem>
                  </>
                ) : null}
              </Menu>
            ) : null}
          </>
        }
      />
      {source.worker.online ? null : (
        <div className="mb-6">
          <Notice tone="warn" title={`The worker ${source.worker.name} is not running.`}>
            Backups of this source wait until it is back. Start it on its machine with{' '}
            <code className="font-mono">npx holdfast worker</code>.
          </Notice>
        </div>
      )}
      {busy ? null : (
        <LastFailure source={source} {...(mayStart ? { onRetry: () => url.set({ backup: '1' }, 'push') } : {})} />
      )}
      {!made ? (
        <EmptyState
          title="No recovery point yet"
          action={
            mayStart && !busy ? (
              <Button
                variant="primary"
                icon={<Play aria-hidden="true" />}
                onClick={() => url.set({ backup: '1' }, 'push')}
              >
                Back up now
              </Button>
            ) : undefined
          }
          command={`npx holdfast repo backup -r <vault folder> ${source.config.path}`}
        >
          {busy
            ? 'The first backup is on its way; its recovery point shows here.'
            : 'The first backup makes the first one. After that only what changed is stored.'}
        </EmptyState>
      ) : (
        <Section
          title="Recovery points"
          count={formatCount(source.recoveryPoints)}
          action={<ListLink href={`/recovery-points?source=${source.id}`}>As a list</ListLink>}
        >
          <SourceTimeline sourceId={source.id} />
        </Section>
      )}
      <Section title="Latest runs" action={<ListLink href={`/runs?source=${source.id}`}>All runs</ListLink>}>
        <LatestRuns sourceId={source.id} />
      </Section>
      <Section
        title="What it backs up"
        action={
          mayEdit ? (
            <Button size="sm" onClick={() => url.set({ edit: '1' }, 'push')}>
              Edit
            </Button>
          ) : null
        }
      >
        <SourceConfigView source={source} />
      </Section>
      {dialog === 'backup' && mayStart ? <BackupDialog source={source} onClose={close} /> : null}
      {dialog === 'edit' && mayEdit ? <EditSourceDialog source={source} onClose={close} /> : null}
      {dialog === 'delete' && mayDelete ? <DeleteSourceDialog source={source} onClose={close} /> : null}
    </>
  );
}

function Truth({ source, means }: { source: SourceView; means: string }) {
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span>
        {means}{' '}
        {source.lastPoint === null ? null : (
          <>
            {source.state === 'missing' ? 'The newest that is there:' : 'Last recovery point'}{' '}
            <Link
              href={`/recovery-points/${source.lastPoint.id}`}
              className="text-ink underline decoration-line-strong underline-offset-2 hover:decoration-ink"
            >
              <RelativeTime at={source.lastPoint.time} />
            </Link>
            , {formatPlural(source.lastPoint.files, 'file')}.
          </>
        )}
      </span>
      <DayStrip days={source.strip} />
    </span>
  );
}

function ListLink({ href, children }: { href: string; children: string }) {
  return (
    <Link href={href} className="rounded-xs text-sm text-ink-2 hover:text-ink hover:underline">
      {children}
    </Link>
  );
}

/** What the newest backup stumbled over, before anything else. */
function LastFailure({ source, onRetry }: { source: SourceView; onRetry?: () => void }) {
  const query = useInfiniteQuery({
    ...runsQuery({ sourceId: source.id, limit: LATEST_RUNS }),
    enabled: source.state !== 'never',
  });
  const run = query.data?.pages[0]?.items.find((one) => one.kind === 'backup' && one.outcome !== 'cancelled');
  if (source.state !== 'failed' && source.state !== 'warning') return null;
  if (run === undefined || (run.error === null && run.result === null)) return null;
  const skipped = run.result?.kind === 'backup' ? run.result.problemCount : 0;
  return (
    <div className="mb-6">
      <Notice
        tone={source.state === 'failed' ? 'bad' : 'warn'}
        title={
          run.error?.message ??
          (skipped > 0
            ? `The newest backup left out ${formatPlural(skipped, 'file')} that could not be read.`
            : 'The newest backup ended with a warning.')
        }
        actions={
          <>
            {onRetry === undefined || source.state !== 'failed' ? null : (
              <Button size="sm" variant="primary" onClick={onRetry}>
                Back up again
              </Button>
            )}
            <ButtonLink size="sm" href={`/runs/${run.id}`}>
              Open the run
            </ButtonLink>
          </>
        }
      >
        {run.error?.hint}
      </Notice>
    </div>
  );
}

function LatestRuns({ sourceId }: { sourceId: string }) {
  const query = useInfiniteQuery(runsQuery({ sourceId, limit: LATEST_RUNS }));
  if (query.isError && query.data === undefined)
    return <LoadError compact error={query.error} onRetry={() => void query.refetch()} />;
  if (query.data === undefined) return <TableSkeleton label="Reading the runs" rows={4} columns={4} />;
  const runs = query.data.pages[0]?.items ?? [];
  if (runs.length === 0) return <p className="py-2 text-base text-ink-3">No run yet.</p>;
  return <RunTable runs={runs} label="Latest runs of this source" />;
}
