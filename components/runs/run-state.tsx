import { runDoing, runShare, runState } from '#components/shell/run-words.ts';
import { ProgressBar } from '#components/ui/progress.tsx';
import { Badge, State } from '#components/ui/state.tsx';
import { formatBytes, formatEta, formatPercent, formatPlural, formatRate } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';

export function RunState({ run }: { run: Pick<RunView, 'state' | 'outcome' | 'cancelRequested'> }) {
  const { tone, word } = runState(run);
  return <State tone={tone}>{word}</State>;
}

export function RunBadge({ run }: { run: RunView }) {
  const { tone, word } = runState(run);
  return <Badge tone={tone}>{word}</Badge>;
}

/** Bar with its figures in one line, for lists: while it runs how far, afterwards what came of it. */
export function RunGist({ run }: { run: RunView }) {
  if (run.state === 'running') {
    const done = runShare(run.progress);
    return (
      <div className="flex min-w-0 items-center gap-2">
        <ProgressBar value={done} label={runDoing(run)} size="sm" className="min-w-12 max-w-28 flex-1" />
        <span className="truncate text-ink-2 tabular">
          {[
            done === null ? null : formatPercent(done),
            run.progress !== null && run.progress.rate > 0 ? formatRate(run.progress.rate) : null,
            run.progress?.eta === undefined ? null : `${formatEta(run.progress.eta)} left`,
          ]
            .filter(Boolean)
            .join(' · ') || 'starting'}
        </span>
      </div>
    );
  }
  const text = gist(run);
  return (
    <span className="block truncate text-ink-2" title={text}>
      {text}
    </span>
  );
}

function gist(run: RunView): string {
  if (run.state === 'queued') return run.worker === null ? 'waits for a worker' : `waits for ${run.worker.name}`;
  if (run.error !== null) return run.error.message;
  const { result } = run;
  if (result === null) return '';
  switch (result.kind) {
    case 'backup': {
      const size = `${formatPlural(result.files, 'file')}, ${formatBytes(result.bytes)}`;
      const skipped = result.problemCount > 0 ? `${formatPlural(result.problemCount, 'problem')} · ` : '';
      return `${skipped}${size}, ${formatBytes(result.storedBytes)} new`;
    }
    case 'restore': {
      const skipped = result.problemCount > 0 ? `${formatPlural(result.problemCount, 'problem')} · ` : '';
      return `${skipped}${formatPlural(result.filesRestored, 'file')} written, ${formatBytes(result.bytes)}`;
    }
    case 'check':
      return result.ok
        ? `${formatPlural(result.packs, 'pack')}, ${formatPlural(result.snapshots, 'recovery point')} in order`
        : formatPlural(result.findings.length, 'finding');
  }
}
