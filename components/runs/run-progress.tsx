'use client';

import type { ReactNode } from 'react';
import { runDoing, runShare } from '#components/shell/run-words.ts';
import { Bytes, Duration } from '#components/ui/figures.tsx';
import { ProgressBar } from '#components/ui/progress.tsx';
import { formatBytes, formatCount, formatEta, formatPercent, formatRate } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { phaseLabel } from '#lib/domain/run-phases.ts';

/** The big bar with its figures, while the run lasts. */
export function RunProgress({ run }: { run: RunView }) {
  const { progress } = run;
  const done = runShare(progress);
  const waiting = run.state === 'queued';
  const step = waiting ? waitStep(run) : progress === null ? 'Starting' : phaseLabel(run.kind, progress.phase);
  return (
    <section aria-label="Progress" className="mb-6">
      <div className="flex items-baseline justify-between gap-4">
        <p className="text-2xl font-semibold tracking-tight tabular">
          {done === null ? (waiting ? 'Queued' : '…') : formatPercent(done)}
        </p>
        <p className="min-w-0 truncate text-base text-ink-2">{run.cancelRequested ? 'Stopping' : step}</p>
      </div>
      <ProgressBar value={waiting ? 0 : done} label={runDoing(run)} size="lg" className="my-2" />
      <p className="h-5 truncate font-mono text-xs leading-5 text-ink-3" title={progress?.currentPath}>
        {progress?.currentPath === undefined ? '' : <PathTail path={progress.currentPath} />}
      </p>
      <dl className="mt-3 grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-3 lg:grid-cols-6">
        <Figure name={run.kind === 'restore' ? 'Written' : 'Read'}>
          {progress === null ? '–' : <Bytes value={progress.bytesDone} />}
          {progress?.bytesTotal === undefined ? null : <Of>{formatBytes(progress.bytesTotal)}</Of>}
        </Figure>
        <Figure name="Files">
          {progress === null ? '–' : formatCount(progress.filesDone)}
          {progress?.filesTotal === undefined ? null : <Of>{formatCount(progress.filesTotal)}</Of>}
        </Figure>
        <Figure name="Rate">{progress === null ? '–' : formatRate(progress.rate)}</Figure>
        <Figure name="Time left">{progress?.eta === undefined ? '–' : formatEta(progress.eta)}</Figure>
        {run.kind === 'backup' ? (
          <Figure name="New in the vault">
            {progress?.bytesStored === undefined ? '–' : <Bytes value={progress.bytesStored} />}
          </Figure>
        ) : null}
        <Figure name={run.startedAt === null ? 'Waiting for' : 'Running for'}>
          <Duration from={run.startedAt ?? run.queuedAt} to={null} />
        </Figure>
      </dl>
    </section>
  );
}

/** The whole sentence, and what to do, stands above when nobody is there. */
function waitStep({ waitsFor }: RunView): string {
  if (waitsFor?.online === false) return 'Nobody there to take it';
  return waitsFor?.worker ? `Waiting for its turn on ${waitsFor.worker.hostname}` : 'Waiting for a worker to take it';
}

/** Keeps the end of a path in sight, whatever the width: the file's name says more than where the tree begins. */
function PathTail({ path }: { path: string }) {
  const cut = path.lastIndexOf('/');
  if (cut <= 0) return path;
  return (
    <span className="flex">
      <span className="truncate">{path.slice(0, cut)}</span>
      <span className="max-w-[70%] shrink-0 truncate text-ink-2">{path.slice(cut)}</span>
    </span>
  );
}

export function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="text-base tabular [overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}

function Of({ children }: { children: ReactNode }) {
  return <span className="whitespace-nowrap text-ink-3"> of {children}</span>;
}
