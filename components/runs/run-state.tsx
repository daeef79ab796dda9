import { runDoing, runShare, runState, runWait } from '#components/shell/run-words.ts';
import { cx } from '#components/ui/cx.ts';
import { useNow } from '#components/ui/figures.tsx';
import { ProgressBar } from '#components/ui/progress.tsx';
import { Badge, State } from '#components/ui/state.tsx';
import { Tooltip } from '#components/ui/tooltip.tsx';
import { formatBytes, formatEta, formatPercent, formatPlural, formatRate } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';

export function RunState({ run }: { run: RunView }) {
  const { tone, word } = runState(run);
  const wait = runWait(run, useNow());
  const state = <State tone={tone}>{word}</State>;
  if (wait === null) return state;
  return (
    <Tooltip content={[wait.sentence, wait.remedy].filter(Boolean).join(' ')}>
      {/* Above the link that covers the row. */}
      <span className="relative z-10 inline-flex">{state}</span>
    </Tooltip>
  );
}

/** Below the name where the column of results does not fit: that nobody will take a run must be seen on a phone too. */
export function RunWaitLine({ run }: { run: RunView }) {
  const wait = runWait(run, useNow());
  if (wait?.stuck !== true) return null;
  return (
    // No width of its own: it wraps below the name instead of pushing the state off the screen.
    <span suppressHydrationWarning className="block w-0 min-w-full text-xs whitespace-normal text-warn md:hidden">
      {wait.sentence}
    </span>
  );
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
  return <Gist run={run} />;
}

function Gist({ run }: { run: RunView }) {
  const wait = runWait(run, useNow());
  const text = wait?.sentence ?? gist(run);
  return (
    <span
      suppressHydrationWarning
      className={cx('block truncate', wait?.stuck ? 'text-warn' : 'text-ink-2')}
      title={text}
    >
      {text}
    </span>
  );
}

function gist(run: RunView): string {
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
