'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { NextSteps } from '#components/setup/next-steps.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead, Section } from '#components/shell/page-head.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { Skeleton, TableSkeleton } from '#components/ui/skeleton.tsx';
import { StateMark, type Tone } from '#components/ui/state.tsx';
import { formatPlural } from '#lib/client/format.ts';
import { overviewQuery } from '#lib/client/queries/overview.ts';
import { useMay } from '#lib/client/queries/session.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import { Attention } from './attention.tsx';
import { attentionItems, attentionTone } from './attention-items.ts';
import { RecentRuns } from './recent-runs.tsx';
import { SourcesTable } from './sources-table.tsx';
import { Storage } from './storage.tsx';

const TONE: Record<OverviewView['state'], Tone> = { good: 'good', attention: 'warn', bad: 'bad', empty: 'idle' };
const TAB_MARK: Record<OverviewView['state'], string> = {
  good: '●',
  attention: '▲',
  bad: '■',
  empty: '',
};

export function OverviewScreen() {
  const overview = useQuery(overviewQuery());
  if (overview.data !== undefined) return <Loaded view={overview.data} />;
  if (overview.isError)
    return (
      <>
        <PageHead title="Overview" />
        <LoadError
          error={overview.error}
          what="The overview could not be read."
          onRetry={() => void overview.refetch()}
          retrying={overview.isFetching}
        />
      </>
    );
  return (
    <>
      <header className="mb-5">
        <title>Overview · Holdfast</title>
        <h1 className="sr-only">Overview</h1>
        <Skeleton className="mt-1 mb-3 h-5 w-80 max-w-full" />
        <Skeleton className="h-3 w-56" />
      </header>
      <TableSkeleton label="Reading the overview" rows={6} columns={5} />
    </>
  );
}

function Loaded({ view }: { view: OverviewView }) {
  const mayAdd = useMay('source:create');
  const items = attentionItems(view);
  const attention = items.length;
  return (
    <>
      <header className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <title>
          {[
            attention > 0
              ? `${attentionTone(items) === 'bad' ? '■' : '▲'} ${attention} ${attention === 1 ? 'needs' : 'need'} attention · Overview`
              : `${TAB_MARK[view.state]} Overview`.trim(),
            'Holdfast',
          ].join(' · ')}
        </title>
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex items-start gap-2.5 text-xl font-semibold tracking-[-0.01em]">
            <StateMark tone={TONE[view.state]} className="mt-[9px]" />
            <span className="text-balance">{view.headline}</span>
          </h1>
          <p className="mt-0.5 pl-5 text-base text-ink-2 tabular">{truth(view)}</p>
        </div>
        {mayAdd && view.counts.sources > 0 ? (
          <ButtonLink href="/sources/new" variant="primary" icon={<Plus aria-hidden="true" />}>
            Add source
          </ButtonLink>
        ) : null}
      </header>
      {/* Once there is a recovery point, what is missing is no first step any more. */}
      {view.nextStep === null || view.counts.recoveryPoints > 0 ? null : <NextSteps view={view} />}
      <Attention items={items} />
      {view.sources.length === 0 ? null : (
        <Section title="Sources" count={view.sources.length}>
          <SourcesTable sources={view.sources} running={view.running} />
        </Section>
      )}
      <div className="mt-8 grid gap-x-10 gap-y-8 lg:grid-cols-2 [&>section]:mt-0">
        <Storage vaults={view.vaults} />
        <RecentRuns runs={view.recent} />
      </div>
    </>
  );
}

function truth({ counts, vaults }: OverviewView): string {
  const workers =
    counts.workersOnline === 0 ? 'no worker online' : `${formatPlural(counts.workersOnline, 'worker')} online`;
  return [formatPlural(counts.recoveryPoints, 'recovery point'), formatPlural(vaults.length, 'vault'), workers].join(
    ' · ',
  );
}
