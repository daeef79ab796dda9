'use client';

import { Select as Base } from '@base-ui/react/select';
import { Check, ChevronsUpDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from './cx.ts';
import { inputClass } from './input.tsx';

export interface SelectOption<V extends string> {
  value: V;
  label: string;
  /** A second line. */
  hint?: ReactNode;
  disabled?: boolean;
}

export interface SelectProps<V extends string> {
  options: readonly SelectOption<V>[];
  value: V | null;
  onValueChange: (value: V) => void;
  placeholder?: string;
  name?: string;
  disabled?: boolean;
  /** Only where no Field gives it a label. */
  'aria-label'?: string;
  size?: 'sm' | 'md';
  className?: string;
}

export function Select<V extends string>({
  options,
  value,
  onValueChange,
  placeholder = 'Choose…',
  size = 'md',
  className,
  ...rest
}: SelectProps<V>) {
  return (
    <Base.Root
      items={options.map(({ value: key, label }) => ({ value: key, label }))}
      value={value}
      onValueChange={(next) => {
        if (next !== null) onValueChange(next as V);
      }}
      {...(rest.name === undefined ? {} : { name: rest.name })}
      {...(rest.disabled === undefined ? {} : { disabled: rest.disabled })}
    >
      <Base.Trigger
        aria-label={rest['aria-label']}
        className={cx(
          inputClass,
          // A button counts as read-only, which the input's look would grey.
          'bg-surface! flex items-center justify-between gap-2 text-left data-popup-open:border-accent',
          size === 'md' ? 'h-control' : 'h-7 pointer-coarse:h-control text-sm',
          className,
        )}
      >
        <Base.Value placeholder={placeholder} className="truncate data-placeholder:text-ink-3" />
        <Base.Icon className="text-ink-3">
          <ChevronsUpDown className="size-3.5" aria-hidden="true" />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className="z-50" sideOffset={4} alignItemWithTrigger={false}>
          <Base.Popup className="max-h-(--available-height) min-w-(--anchor-width) max-w-[min(28rem,90vw)] overflow-y-auto rounded-md bg-raised p-1 shadow-float scroll-thin outline-none transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0">
            <Base.List>
              {options.map((option) => (
                <Base.Item
                  key={option.value}
                  value={option.value}
                  disabled={option.disabled ?? false}
                  className="flex min-h-8 pointer-coarse:min-h-11 cursor-default items-center gap-2 rounded-sm py-1 pr-3 pl-2 text-base outline-none select-none data-disabled:opacity-50 data-highlighted:bg-press"
                >
                  <span className="flex size-4 shrink-0 items-center justify-center">
                    <Base.ItemIndicator>
                      <Check className="size-4 text-accent" aria-hidden="true" />
                    </Base.ItemIndicator>
                  </span>
                  <span className="flex min-w-0 flex-col">
                    <Base.ItemText>{option.label}</Base.ItemText>
                    {option.hint === undefined ? null : <span className="text-xs text-ink-3">{option.hint}</span>}
                  </span>
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
