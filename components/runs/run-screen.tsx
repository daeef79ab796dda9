'use client';

import { Ban, History, RotateCcw } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { orNoChart } from '#components/charts/or-no-chart.tsx';
import { NotShown } from '#components/recovery-points/not-shown.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { runDoing, runTitle } from '#components/shell/run-words.ts';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { ConfirmDialog } from '#components/ui/dialog.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { Tabs } from '#components/ui/tabs.tsx';
import { notify } from '#components/ui/toast.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { toApiError } from '#lib/client/api.ts';
import { formatCount } from '#lib/client/format.ts';
import { useCancelRun, useRetryRun } from '#lib/client/queries/runs.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { useRun } from '#lib/client/use-run-events.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { useRateSamples } from './rate-samples.ts';
import { RunAnnouncer } from './run-announcer.tsx';
import { RunLog } from './run-log.tsx';
import { RunPhases } from './run-phases.tsx';
import { problemCount, RunProblems } from './run-problems.tsx';
import { RunProgress } from './run-progress.tsx';
import { RunFacts, RunResult } from './run-result.tsx';
import { RunBadge } from './run-state.tsx';
import { RunVerdict } from './run-verdict.tsx';
import { runTabTitle } from './run-words.ts';

const RateChart = dynamic(() => orNoChart(import('./rate-chart.tsx').then((part) => part.default)), {
  ssr: false,
  loading: () => <Skeleton className="h-32" />,
});

/** A line through two points is not a chart. */
const FEWEST_SAMPLES = 4;

export function RunScreen({ id }: { id: string }) {
  const query = useRun(id);
  if (query.data !== undefined) return <Run run={query.data} />;
  if (query.isError)
    return (
      <>
        <PageHead title="Run" trail={[{ label: 'Runs', href: '/runs' }, { label: 'Not shown' }]} />
        <NotShown query={query} href="/runs" all="All runs" />
      </>
    );
  return <RunSkeleton />;
}

function Run({ run }: { run: RunView }) {
  const router = useRouter();
  const url = useUrlState();
  const mayCancel = useMay('run:cancel');
  const mayRetry = useMay('run:retry');
  const mayRestore = useMay('restore:create');
  const retry = useRetryRun();
  const [cancelling, setCancelling] = useState(false);
  const finished = run.state === 'finished';
  const problems = problemCount(run.result);
  const wanted = oneOf(url.get('tab'), ['log', 'problems'] as const, problems > 0 ? 'problems' : 'log');
  const tab = problems > 0 ? wanted : 'log';
  const onRetry = () =>
    retry.mutate(run.id, {
      onSuccess: (next) => router.push(`/runs/${next.id}`),
      onError: (error) => {
        const facts = toApiError(error);
        notify({ tone: 'bad', title: facts.detail, ...(facts.hint === undefined ? {} : { description: facts.hint }) });
      },
    });
  const point = run.kind === 'backup' && run.result?.kind === 'backup' ? run.result.recoveryPointId : null;
  // Through the plan, so that one sees first what it would overwrite now.
  const restoreAgain =
    run.kind === 'restore' && mayRestore && run.recoveryPointId !== null
      ? `/recovery-points/${run.recoveryPointId}/restore`
      : null;
  const log = <RunLog run={run} />;
  return (
    <>
      <RunAnnouncer run={run} />
      <PageHead
        title={finished ? runTitle(run) : runDoing(run)}
        tabTitle={runTabTitle(run)}
        trail={[{ label: 'Runs', href: '/runs' }, { label: run.id.slice(-8) }]}
        badge={<RunBadge run={run} />}
        truth={<RunFacts run={run} />}
        action={
          <>
            {!finished && mayCancel ? (
              <Button
                icon={<Ban aria-hidden="true" />}
                disabled={run.cancelRequested}
                onClick={() => setCancelling(true)}
              >
                {run.cancelRequested ? 'Stopping' : 'Cancel'}
              </Button>
            ) : null}
            {finished && restoreAgain !== null ? (
              <ButtonLink icon={<RotateCcw aria-hidden="true" />} href={restoreAgain}>
                Restore again
              </ButtonLink>
            ) : null}
            {finished &&
            mayRetry &&
            run.kind !== 'restore' &&
            (run.outcome === 'succeeded' || run.outcome === 'warning') ? (
              <Button icon={<RotateCcw aria-hidden="true" />} busy={retry.isPending} onClick={onRetry}>
                Run again
              </Button>
            ) : null}
            {point === null ? null : (
              <ButtonLink variant="primary" href={`/recovery-points/${point}`} icon={<History aria-hidden="true" />}>
                Open the recovery point
              </ButtonLink>
            )}
          </>
        }
      />
      <RunVerdict run={run} retrying={retry.isPending} {...(mayRetry && run.kind !== 'restore' ? { onRetry } : {})} />
      {finished ? <RunResult run={run} /> : <RunProgress run={run} />}
      <Course run={run} />
      <Tabs
        label="Details of the run"
        value={tab}
        onValueChange={(next) => url.set({ tab: next })}
        tabs={[
          { value: 'log', label: 'Log', content: log },
          ...(problems > 0 && run.result !== null
            ? [
                {
                  value: 'problems' as const,
                  label: run.kind === 'check' ? 'Findings' : 'Problems',
                  count: formatCount(problems),
                  content: <RunProblems result={run.result} />,
                },
              ]
            : []),
        ]}
      />
      <CancelDialog run={run} open={cancelling && !finished} onOpenChange={setCancelling} />
    </>
  );
}

/** Steps, and beside them how fast it went while someone looked. */
function Course({ run }: { run: RunView }) {
  const samples = useRateSamples(run);
  const chart = samples.length >= FEWEST_SAMPLES;
  return (
    <div className="mb-6 grid gap-x-10 gap-y-6 lg:grid-cols-2">
      <section aria-labelledby="steps">
        <h2 id="steps" className="mb-1 text-base font-semibold">
          Steps
        </h2>
        <RunPhases run={run} />
      </section>
      {chart || run.state === 'running' ? (
        <section aria-labelledby="rate" className="max-lg:hidden">
          <h2 id="rate" className="mb-1 text-base font-semibold">
            Rate <span className="text-sm font-normal text-ink-3">since this page was opened</span>
          </h2>
          {chart ? <RateChart samples={samples} /> : <Skeleton className="h-32" />}
        </section>
      ) : null}
    </div>
  );
}

function CancelDialog(props: { run: RunView; open: boolean; onOpenChange: (open: boolean) => void }) {
  const cancel = useCancelRun();
  const { run } = props;
  return (
    <ConfirmDialog
      open={props.open}
      onOpenChange={(open) => {
        if (!open) cancel.reset();
        props.onOpenChange(open);
      }}
      title={`Cancel the ${run.kind}?`}
      action={`Cancel the ${run.kind}`}
      busy={cancel.isPending}
      onConfirm={() => cancel.mutate(run.id, { onSuccess: () => props.onOpenChange(false) })}
      error={cancel.isError ? <LoadError compact error={cancel.error} /> : null}
    >
      {run.kind === 'restore'
        ? 'Files that were written already stay; the rest is left as it is. The target is then a mixture.'
        : run.kind === 'backup'
          ? 'No recovery point is made. What was stored so far is used again by the next backup.'
          : 'The check ends without a verdict. The vault stays as it is.'}
    </ConfirmDialog>
  );
}

function RunSkeleton() {
  return (
    <div role="status" aria-label="Reading the run">
      <title>Run · Holdfast</title>
      <Skeleton className="h-4 w-24" />
      <Skeleton className="mt-3 h-6 w-72 max-w-full" />
      <Skeleton className="mt-2 h-4 w-96 max-w-full" />
      <Skeleton className="mt-8 h-8 w-20" />
      <Skeleton className="mt-3 h-2.5 w-full" />
      <Skeleton className="mt-10 h-80 w-full" />
    </div>
  );
}
