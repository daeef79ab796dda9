'use client';

import type { ReactNode } from 'react';
import { runWait } from '#components/shell/run-words.ts';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { CopyButton } from '#components/ui/copy.tsx';
import { useNow } from '#components/ui/figures.tsx';
import { Notice } from '#components/ui/state.tsx';
import { formatPlural } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';

/** First on the page when it did not go well, or does not go at all: what failed and what to do, then the button that does it. */
export function RunVerdict({ run, onRetry, retrying }: { run: RunView; onRetry?: () => void; retrying: boolean }) {
  if (run.state === 'queued') return <Stuck run={run} />;
  if (run.state !== 'finished' || run.outcome === 'succeeded') return null;
  const again =
    onRetry === undefined ? null : (
      <Button size="sm" variant="primary" busy={retrying} onClick={onRetry}>
        {run.kind === 'backup' ? 'Back up again' : 'Check again'}
      </Button>
    );
  if (run.outcome === 'cancelled') {
    return (
      <Verdict
        tone="idle"
        title={run.error?.message ?? `Cancelled${run.startedAt === null ? ' before it began' : ''}.`}
        actions={again}
      >
        {run.kind === 'restore'
          ? 'Files that were written before stay as they are.'
          : 'Nothing was left behind: no recovery point was made, and what was stored is used again next time.'}
      </Verdict>
    );
  }
  if (run.outcome === 'warning') return <Warning run={run} again={again} />;
  const title = run.error?.message ?? failedWithoutError(run);
  return (
    <Verdict
      tone="bad"
      title={title}
      actions={
        <>
          {again}
          <Remedy run={run} />
          <span className="inline-flex items-center text-xs text-ink-2">
            <CopyButton
              label="Copy details"
              text={[title, run.error?.hint, `code: ${run.error?.code ?? 'none'}`, `run: ${run.id}`]
                .filter(Boolean)
                .join('\n')}
            />
            {run.error?.code ?? 'Copy details'}
          </span>
        </>
      }
    >
      {run.error?.hint}
    </Verdict>
  );
}

function Stuck({ run }: { run: RunView }) {
  const wait = runWait(run, useNow());
  if (wait?.stuck !== true || run.cancelRequested) return null;
  return (
    <Verdict
      tone="warn"
      title={<span suppressHydrationWarning>{wait.sentence}</span>}
      actions={
        <ButtonLink size="sm" href="/workers">
          Look at the workers
        </ButtonLink>
      }
    >
      {wait.remedy}
    </Verdict>
  );
}

function failedWithoutError(run: RunView): string {
  if (run.result?.kind === 'check')
    return `The vault has ${formatPlural(run.result.findings.length, 'finding')}; the list is below.`;
  return 'The run ended without saying why. Its log is below.';
}

function Warning({ run, again }: { run: RunView; again: ReactNode }) {
  const { result } = run;
  const count = result === null || result.kind === 'check' ? 0 : result.problemCount;
  const sentences = result?.kind === 'backup' ? result.warnings : [];
  const title =
    result?.kind === 'backup'
      ? count > 0
        ? `The recovery point was made, but ${formatPlural(count, 'file')} could not be backed up.`
        : (sentences[0] ?? 'The recovery point was made, with a warning.')
      : result?.kind === 'restore'
        ? `Restored, but with ${formatPlural(count, 'problem')}.`
        : 'The vault is usable; the findings are below.';
  const rest = count > 0 ? sentences : sentences.slice(1);
  return (
    <Verdict
      tone="warn"
      title={title}
      actions={
        <>
          {again}
          {result?.kind === 'backup' && count > 0 && run.source !== null ? (
            <ButtonLink size="sm" href={`/sources/${run.source.id}?edit=1`}>
              Edit the excludes
            </ButtonLink>
          ) : null}
        </>
      }
    >
      {rest.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {result?.kind === 'backup' && count > 0
        ? 'They are listed below. Let the worker read them, or exclude them if they need no backup.'
        : null}
    </Verdict>
  );
}

/** The place where the cause can be put right. */
function Remedy({ run }: { run: RunView }) {
  switch (run.error?.code) {
    case 'no-space':
    case 'not-a-repository':
    case 'repository-damaged':
    case 'repository-locked':
    case 'wrong-password':
      return run.vault === null ? null : (
        <ButtonLink size="sm" href={`/vaults/${run.vault.id}`}>
          Open the vault
        </ButtonLink>
      );
    case 'not-found':
    case 'permission-denied':
    case 'invalid-input':
      return run.source === null ? null : (
        <ButtonLink size="sm" href={`/sources/${run.source.id}`}>
          Open the source
        </ButtonLink>
      );
    case 'unavailable':
    case 'timeout':
      return (
        <ButtonLink size="sm" href="/workers">
          Look at the workers
        </ButtonLink>
      );
    default:
      return null;
  }
}

function Verdict(props: { tone: 'bad' | 'warn' | 'idle'; title: ReactNode; children?: ReactNode; actions: ReactNode }) {
  return (
    <div className="mb-6">
      <Notice tone={props.tone} title={props.title} actions={props.actions}>
        {props.children}
      </Notice>
    </div>
  );
}
