'use client';

import { useQuery } from '@tanstack/react-query';
import { LoadError } from '#components/shell/load-error.tsx';
import { runShare, runState } from '#components/shell/run-words.ts';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { ProgressBar } from '#components/ui/progress.tsx';
import { Notice, State } from '#components/ui/state.tsx';
import { formatBytes, formatCount, formatEta, formatPercent, formatPlural, formatRate } from '#lib/client/format.ts';
import { runQuery } from '#lib/client/queries/runs.ts';
import { useStartBackup } from '#lib/client/queries/sources.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import type { RunView } from '#lib/contracts/runs.ts';

export function FirstBackup({
  view,
  runId,
  onStarted,
}: {
  view: OverviewView;
  runId: string | null;
  onStarted: (runId: string) => void;
}) {
  const start = useStartBackup();
  const source = view.sources[0];
  const vault = view.vaults[0];
  // One that was started elsewhere, or before a reload, is the one to look at.
  const shown = runId ?? view.running.find((run) => run.kind === 'backup')?.id ?? null;
  if (shown !== null) return <Watched runId={shown} />;
  if (source === undefined || vault === undefined) return null;
  return (
    <div className="flex flex-col gap-4">
      {start.error === null ? null : <LoadError compact error={start.error} what="The backup was not started." />}
      <p className="text-base">
        <span className="font-medium">{source.name}</span>{' '}
        <span className="font-mono text-sm text-ink-2">{source.config.path}</span> goes into{' '}
        <span className="font-medium">{vault.name}</span>.
      </p>
      <div>
        <Button
          variant="primary"
          busy={start.isPending}
          onClick={() =>
            start.mutate({ sourceId: source.id, vaultId: vault.id }, { onSuccess: (run) => onStarted(run.id) })
          }
        >
          Start the first backup
        </Button>
      </div>
    </div>
  );
}

function Watched({ runId }: { runId: string }) {
  const run = useQuery(runQuery(runId));
  if (run.data === undefined)
    return run.isError ? <LoadError compact error={run.error} what="The run could not be read." /> : null;
  return run.data.state === 'finished' ? <Ended run={run.data} /> : <Working run={run.data} />;
}

function Working({ run }: { run: RunView }) {
  const share = runShare(run.progress);
  const { progress } = run;
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-baseline justify-between gap-4 tabular">
        <State tone={runState(run).tone}>{runState(run).word}</State>
        <span className="text-xl font-medium">{share === null ? '' : formatPercent(share)}</span>
      </div>
      <ProgressBar value={share} label="First backup" size="lg" />
      <div className="flex flex-wrap justify-between gap-x-4 text-sm text-ink-2 tabular">
        <span>
          {progress === null
            ? 'Waiting for the worker'
            : `${formatCount(progress.filesDone)} files, ${formatBytes(progress.bytesDone)}`}
        </span>
        <span>
          {progress === null || progress.rate === 0 ? '' : formatRate(progress.rate)}
          {progress?.eta === undefined ? '' : ` · ${formatEta(progress.eta)} left`}
        </span>
      </div>
      <p className="h-5 truncate font-mono text-xs text-ink-3" aria-hidden="true">
        {progress?.currentPath}
      </p>
      <div className="mt-1 flex flex-wrap gap-2">
        <ButtonLink href={`/runs/${run.id}`}>Watch it in the console</ButtonLink>
      </div>
    </div>
  );
}

function Ended({ run }: { run: RunView }) {
  const { tone, word } = runState(run);
  const result = run.result?.kind === 'backup' ? run.result : null;
  const good = run.outcome === 'succeeded' || run.outcome === 'warning';
  return (
    <div className="flex flex-col gap-4">
      <Notice
        tone={tone}
        title={
          result !== null && good
            ? `${formatPlural(result.files, 'file')} backed up: ${formatBytes(result.bytes)}, stored in ${formatBytes(result.storedBytes)}.`
            : `The backup ${word.toLowerCase()}.`
        }
      >
        {run.error === null
          ? result !== null && result.problemCount > 0
            ? `${formatPlural(result.problemCount, 'file')} could not be read; the run names them.`
            : 'Look inside it, download a file, or restore it to another folder to see that it works.'
          : run.error.message}
      </Notice>
      <div className="flex flex-wrap gap-2">
        {good && run.recoveryPointId !== null ? (
          <ButtonLink variant="primary" href={`/recovery-points/${run.recoveryPointId}`}>
            Look inside
          </ButtonLink>
        ) : (
          <ButtonLink variant="primary" href={`/runs/${run.id}`}>
            See what happened
          </ButtonLink>
        )}
        <ButtonLink href="/">Open the console</ButtonLink>
      </div>
    </div>
  );
}
