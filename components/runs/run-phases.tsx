'use client';

import { Check, Minus, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from '#components/ui/cx.ts';
import { Duration } from '#components/ui/figures.tsx';
import { StateMark } from '#components/ui/state.tsx';
import type { RunView } from '#lib/contracts/runs.ts';
import { phasesOf } from './run-words.ts';

/** The steps of the run with the time each took. */
export function RunPhases({ run }: { run: RunView }) {
  const begun = run.progress?.phases ?? [];
  const startOf = new Map(begun.map((phase, index) => [phase.phase, { at: phase.startedAt, index }]));
  const order = phasesOf(run);
  const last = begun.length - 1;
  const failed = run.outcome === 'failed' || run.outcome === 'lost' || run.outcome === 'cancelled';
  return (
    <ol className="flex flex-col" aria-label="Steps">
      {order.map((phase, index) => {
        const start = startOf.get(phase.key);
        const now = start !== undefined && start.index === last;
        const state: StepState =
          start === undefined
            ? order.slice(index + 1).some((later) => startOf.has(later.key)) || (run.state === 'finished' && !failed)
              ? 'skipped'
              : 'later'
            : !now
              ? 'done'
              : run.state !== 'finished'
                ? 'now'
                : failed
                  ? 'stopped'
                  : 'done';
        const end = start === undefined ? null : (begun[start.index + 1]?.startedAt ?? run.finishedAt);
        return (
          <li
            key={phase.key}
            aria-current={state === 'now' ? 'step' : undefined}
            className="flex min-h-8 items-center gap-2.5 border-b border-line text-sm last:border-0"
          >
            <StepMark state={state} />
            <span
              className={cx(
                'min-w-0 flex-1',
                (state === 'later' || state === 'skipped') && 'text-ink-3',
                state === 'now' && 'font-medium',
                state === 'done' && 'text-ink-2',
              )}
            >
              {phase.label}
              {state === 'skipped' ? null : <span className="sr-only">{STEP_WORD[state]}</span>}
            </span>
            <span className="text-ink-3 tabular">
              {state === 'skipped' ? 'not needed' : null}
              {start === undefined ? null : <Duration from={start.at} to={state === 'now' ? null : end} />}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

type StepState = 'later' | 'skipped' | 'now' | 'done' | 'stopped';

const STEP_WORD: Record<StepState, string> = {
  later: ', not begun',
  skipped: ', not needed',
  now: ', under way',
  done: ', done',
  stopped: ', stopped here',
};

function StepMark({ state }: { state: StepState }): ReactNode {
  if (state === 'done') return <Check className="size-3.5 shrink-0 text-good" aria-hidden="true" />;
  if (state === 'skipped') return <Minus className="size-3.5 shrink-0 text-ink-3" aria-hidden="true" />;
  if (state === 'stopped') return <X className="size-3.5 shrink-0 text-bad" aria-hidden="true" />;
  return <StateMark tone={state === 'now' ? 'run' : 'idle'} className="mx-0.5" />;
}
