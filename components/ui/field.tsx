'use client';

import { Field as Base } from '@base-ui/react/field';
import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx.ts';

export interface FieldProps {
  label: ReactNode;
  /** What to enter or what it is for; an error takes its place. */
  hint?: ReactNode;
  /** In words: what is wrong and what would be right. */
  error?: string | undefined;
  optional?: boolean;
  className?: string;
  children: ReactNode;
  /** For a group or a control that Base UI cannot label by itself. */
  labelFor?: string;
  hideLabel?: boolean;
}

/** Label, control, hint and error, tied together for a screen reader. The control inside is one of components/ui. */
export function Field({ label, hint, error, optional, className, children, labelFor, hideLabel }: FieldProps) {
  return (
    <Base.Root invalid={error !== undefined} className={cx('flex min-w-0 flex-col gap-1', className)}>
      <Base.Label
        {...(labelFor === undefined ? {} : { htmlFor: labelFor })}
        className={cx('flex items-baseline gap-2 text-sm font-medium text-ink', hideLabel && 'sr-only')}
      >
        {label}
        {optional ? <span className="text-xs font-normal text-ink-3">optional</span> : null}
      </Base.Label>
      {children}
      {hint === undefined || error !== undefined ? null : (
        <Base.Description className="text-xs text-ink-3">{hint}</Base.Description>
      )}
      {error === undefined ? null : (
        <Base.Error match className="flex items-start gap-1.5 text-xs text-bad">
          <CircleAlert className="mt-px size-3.5 shrink-0" aria-hidden="true" />
          <span>{error}</span>
        </Base.Error>
      )}
    </Base.Root>
  );
}
