'use client';

import { Field as Base } from '@base-ui/react/field';
import { Eye, EyeOff } from 'lucide-react';
import { type ComponentProps, type ReactNode, useState } from 'react';
import { cx } from './cx.ts';

export const inputClass =
  'w-full min-w-0 rounded-md border border-edge bg-surface px-2.5 text-base text-ink transition-colors ' +
  'hover:border-ink-3 focus-visible:border-accent focus-visible:outline-2 focus-visible:-outline-offset-1 focus-visible:outline-accent ' +
  'disabled:bg-sunken disabled:text-ink-3 aria-invalid:border-bad aria-invalid:focus-visible:outline-bad read-only:bg-sunken';

export interface InputProps extends Omit<ComponentProps<'input'>, 'size'> {
  /** Paths, ids, tokens: monospace, and none of the browser's corrections. */
  mono?: boolean;
  /** Inside the box, before the text; decorative. */
  lead?: ReactNode;
  /** Inside the box, after the text: a unit or a small button. */
  trail?: ReactNode;
}

export function Input({ mono = false, lead, trail, className, ...rest }: InputProps) {
  const exact = mono ? { autoCapitalize: 'off', autoCorrect: 'off', spellCheck: false, autoComplete: 'off' } : {};
  const control = (
    <Base.Control
      {...exact}
      {...rest}
      className={cx(
        inputClass,
        'h-control',
        mono && 'font-mono text-sm',
        lead !== undefined && 'pl-8',
        trail !== undefined && 'pr-10',
        className,
      )}
    />
  );
  if (lead === undefined && trail === undefined) return control;
  return (
    <span className="relative flex w-full items-center">
      {lead === undefined ? null : (
        <span className="pointer-events-none absolute left-2.5 text-ink-3 [&_svg]:size-4" aria-hidden="true">
          {lead}
        </span>
      )}
      {control}
      {trail === undefined ? null : <span className="absolute right-1 flex items-center">{trail}</span>}
    </span>
  );
}

/** A password that can be looked at: a mistyped one locks a person out, and shoulders are rare at 03:00. */
export function PasswordInput(props: Omit<InputProps, 'type' | 'trail'>) {
  const [shown, setShown] = useState(false);
  return (
    <Input
      {...props}
      type={shown ? 'text' : 'password'}
      spellCheck={false}
      autoCapitalize="off"
      trail={
        <button
          type="button"
          aria-label={shown ? 'Hide password' : 'Show password'}
          aria-pressed={shown}
          className="inline-flex size-7 pointer-coarse:size-10 items-center justify-center rounded-sm text-ink-3 hover:text-ink focus-ring [&_svg]:size-4"
          onClick={() => setShown((now) => !now)}
        >
          {shown ? <EyeOff aria-hidden="true" /> : <Eye aria-hidden="true" />}
        </button>
      }
    />
  );
}

export interface TextareaProps extends ComponentProps<'textarea'> {
  mono?: boolean;
}

export function Textarea({ mono = false, className, rows = 4, ...rest }: TextareaProps) {
  const { onChange, onBlur, name, ref, defaultValue, value, ...others } = rest;
  return (
    <Base.Control
      // Base UI types its control as an input; the handlers get the textarea's events all the same.
      {...({ onChange, onBlur, name, ref, defaultValue, value } as object)}
      render={
        <textarea
          {...others}
          rows={rows}
          spellCheck={mono ? false : undefined}
          className={cx(inputClass, 'resize-y py-1.5', mono && 'font-mono text-sm', className)}
        />
      }
    />
  );
}
