'use client';

import { Checkbox as BaseCheckbox } from '@base-ui/react/checkbox';
import { Radio as BaseRadio } from '@base-ui/react/radio';
import { RadioGroup as BaseRadioGroup } from '@base-ui/react/radio-group';
import { Switch as BaseSwitch } from '@base-ui/react/switch';
import { Check, Minus } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { cx } from './cx.ts';

const BOX =
  'flex size-4 shrink-0 items-center justify-center border border-edge bg-surface transition-colors focus-ring ' +
  'data-checked:border-accent-fill data-checked:bg-accent-fill data-indeterminate:border-accent-fill data-indeterminate:bg-accent-fill ' +
  'data-disabled:opacity-50';

export interface CheckboxProps {
  checked: boolean;
  onCheckedChange: (checked: boolean) => void;
  indeterminate?: boolean;
  disabled?: boolean;
  name?: string;
  /** Visible text beside the box. Without it, give `aria-label`. */
  label?: ReactNode;
  hint?: ReactNode;
  'aria-label'?: string;
  className?: string;
}

export function Checkbox({ label, hint, className, onCheckedChange, ...rest }: CheckboxProps) {
  const id = useId();
  const box = (
    <BaseCheckbox.Root
      {...rest}
      id={id}
      aria-labelledby={label === undefined ? undefined : `${id}-label`}
      aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      onCheckedChange={(next) => onCheckedChange(next)}
      className={cx(BOX, 'rounded-xs', label === undefined && className)}
    >
      <BaseCheckbox.Indicator className="text-on-accent">
        {rest.indeterminate ? (
          <Minus className="size-3" strokeWidth={3} aria-hidden="true" />
        ) : (
          <Check className="size-3" strokeWidth={3} aria-hidden="true" />
        )}
      </BaseCheckbox.Indicator>
    </BaseCheckbox.Root>
  );
  if (label === undefined) return box;
  return (
    <Choice id={id} label={label} hint={hint} className={className}>
      {box}
    </Choice>
  );
}

export interface SwitchProps {
  checked: boolean;
  onCheckedChange: (checked: boolean) => void;
  disabled?: boolean;
  label?: ReactNode;
  hint?: ReactNode;
  'aria-label'?: string;
  className?: string;
}

/** For what takes effect at once; inside a form that is saved, use a checkbox. */
export function Switch({ label, hint, className, onCheckedChange, ...rest }: SwitchProps) {
  const id = useId();
  const control = (
    <BaseSwitch.Root
      {...rest}
      id={id}
      aria-labelledby={label === undefined ? undefined : `${id}-label`}
      aria-describedby={hint === undefined ? undefined : `${id}-hint`}
      onCheckedChange={(next) => onCheckedChange(next)}
      className="relative h-[18px] w-8 shrink-0 rounded-full bg-edge transition-colors focus-ring data-checked:bg-accent-fill data-disabled:opacity-50"
    >
      <BaseSwitch.Thumb className="absolute top-[2px] left-[2px] size-3.5 rounded-full bg-on-accent transition-transform data-checked:translate-x-3.5" />
    </BaseSwitch.Root>
  );
  if (label === undefined) return control;
  return (
    <Choice id={id} label={label} hint={hint} className={className}>
      {control}
    </Choice>
  );
}

export interface RadioOption<V extends string> {
  value: V;
  label: ReactNode;
  hint?: ReactNode;
  disabled?: boolean;
}

export function RadioGroup<V extends string>({
  options,
  value,
  onValueChange,
  label,
  hideLabel = false,
  className,
}: {
  options: readonly RadioOption<V>[];
  value: V;
  onValueChange: (value: V) => void;
  label: string;
  hideLabel?: boolean;
  className?: string;
}) {
  const id = useId();
  return (
    <div className={cx('flex flex-col gap-1', className)}>
      <span id={id} className={hideLabel ? 'sr-only' : 'text-sm font-medium'}>
        {label}
      </span>
      <BaseRadioGroup
        aria-labelledby={id}
        value={value}
        onValueChange={(next) => onValueChange(next as V)}
        className="flex flex-col gap-1"
      >
        {options.map((option) => {
          const key = `${id}-${option.value}`;
          return (
            <Choice key={option.value} id={key} label={option.label} hint={option.hint}>
              <BaseRadio.Root
                value={option.value}
                id={key}
                aria-labelledby={`${key}-label`}
                aria-describedby={option.hint === undefined ? undefined : `${key}-hint`}
                disabled={option.disabled ?? false}
                className={cx(BOX, 'rounded-full')}
              >
                <BaseRadio.Indicator className="size-1.5 rounded-full bg-on-accent" />
              </BaseRadio.Root>
            </Choice>
          );
        })}
      </BaseRadioGroup>
    </div>
  );
}

function Choice({
  id,
  label,
  hint,
  className,
  children,
}: {
  id: string;
  label: ReactNode;
  hint: ReactNode;
  className?: string | undefined;
  children: ReactNode;
}) {
  return (
    <div className={cx('flex min-h-7 pointer-coarse:min-h-11 items-start gap-2 py-1', className)}>
      <span className="flex h-5 items-center">{children}</span>
      <div className="min-w-0">
        <label id={`${id}-label`} htmlFor={id} className="text-base text-ink">
          {label}
        </label>
        {hint === undefined || hint === null ? null : (
          <p id={`${id}-hint`} className="text-xs text-ink-3">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}
