'use client';

import { Toggle } from '@base-ui/react/toggle';
import { ToggleGroup } from '@base-ui/react/toggle-group';
import type { ReactNode } from 'react';

/** One of a few, all in sight. */
export function Segmented<V extends string>({
  options,
  value,
  onValueChange,
  label,
}: {
  options: readonly { value: V; label: ReactNode; name?: string }[];
  value: V;
  onValueChange: (value: V) => void;
  label: string;
}) {
  return (
    <ToggleGroup
      aria-label={label}
      value={[value]}
      onValueChange={(next) => {
        const chosen = next[0] as V | undefined;
        // Pressing the chosen one again would leave none.
        if (chosen !== undefined) onValueChange(chosen);
      }}
      className="inline-flex shrink-0 rounded-md border border-line-strong bg-surface p-px"
    >
      {options.map((option) => (
        <Toggle
          key={option.value}
          value={option.value}
          {...(option.name === undefined ? {} : { 'aria-label': option.name })}
          className="inline-flex h-[26px] pointer-coarse:h-10 items-center gap-1.5 rounded-sm px-2 text-sm text-ink-2 hover:text-ink focus-ring data-pressed:bg-press data-pressed:font-medium data-pressed:text-ink [&_svg]:size-4"
        >
          {option.label}
        </Toggle>
      ))}
    </ToggleGroup>
  );
}
