import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from '#components/ui/cx.ts';
import { STEPS, type StepId, stepState } from './steps.ts';

/** The four steps with what is done; `now` is drawn inside the current one. */
export function StepList({ next, now }: { next: StepId | null; now?: ReactNode }) {
  return (
    <ol className="flex flex-col">
      {STEPS.map((step, index) => {
        const state = stepState(step.id, next);
        return (
          <li key={step.id} className="group flex gap-3" aria-current={state === 'now' ? 'step' : undefined}>
            <span className="flex flex-col items-center">
              <span
                className={cx(
                  'flex size-6 shrink-0 items-center justify-center rounded-full border text-xs font-medium tabular',
                  state === 'done' && 'border-good text-good',
                  state === 'now' && 'border-accent-fill bg-accent-fill text-on-accent',
                  state === 'later' && 'border-line-strong text-ink-3',
                )}
              >
                {state === 'done' ? <Check className="size-3.5" strokeWidth={2.5} aria-hidden="true" /> : index + 1}
              </span>
              <span className="my-1 w-px flex-1 bg-line group-last:hidden" />
            </span>
            <div className="min-w-0 flex-1 pb-5 group-last:pb-0">
              <p
                className={cx('flex min-h-6 items-center text-base', state === 'later' ? 'text-ink-3' : 'font-medium')}
              >
                {step.title}
                {state === 'done' ? <span className="sr-only">, done</span> : null}
              </p>
              {state === 'done' ? null : <p className="text-sm text-ink-2">{step.why}</p>}
              {state === 'now' && now !== undefined ? <div className="mt-3">{now}</div> : null}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
