'use client';

import { Check } from 'lucide-react';
import { cx } from '#components/ui/cx.ts';

const STEPS = [
  { key: 'what', label: 'What' },
  { key: 'where', label: 'Where' },
  { key: 'review', label: 'Review' },
] as const;

export type Step = (typeof STEPS)[number]['key'];

/** Where one is; steps that lie behind can be gone back to. */
export function Steps({ now, onGo }: { now: Step; onGo: (step: Exclude<Step, 'review'>) => void }) {
  const at = STEPS.findIndex((step) => step.key === now);
  return (
    <ol aria-label="Steps of the restore" className="mb-6 flex items-center gap-2 text-sm">
      {STEPS.map((step, index) => {
        const behind = index < at;
        const body = (
          <>
            <span
              className={cx(
                'flex size-5 items-center justify-center rounded-full border text-xs tabular',
                index === at && 'border-accent-fill bg-accent-fill text-on-accent',
                behind && 'border-line-strong text-good',
                index > at && 'border-line-strong text-ink-3',
              )}
              aria-hidden="true"
            >
              {behind ? <Check className="size-3" strokeWidth={3} /> : index + 1}
            </span>
            {step.label}
          </>
        );
        return (
          <li key={step.key} aria-current={index === at ? 'step' : undefined} className="flex items-center gap-2">
            {index === 0 ? null : <span className="h-px w-6 bg-line-strong" aria-hidden="true" />}
            {behind && step.key !== 'review' ? (
              <button
                type="button"
                onClick={() => onGo(step.key)}
                className="flex h-8 items-center gap-2 rounded-sm px-1 text-ink-2 hover:text-ink"
              >
                {body}
              </button>
            ) : (
              <span
                className={cx(
                  'flex h-8 items-center gap-2 px-1',
                  index === at ? 'font-semibold text-ink' : 'text-ink-3',
                )}
              >
                {body}
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}
