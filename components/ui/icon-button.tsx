import type { ComponentProps, ReactNode } from 'react';
import { cx } from './cx.ts';
import { Spinner } from './spinner.tsx';
import { Tooltip } from './tooltip.tsx';

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'aria-label' | 'children'> {
  /** What it does: the accessible name and the tooltip. */
  label: string;
  icon: ReactNode;
  size?: 'sm' | 'md';
  busy?: boolean;
  /** Shown in the tooltip beside the label. */
  shortcut?: string;
}

export function iconButtonClass(size: 'sm' | 'md' = 'md', extra?: string): string {
  return cx(
    'inline-flex shrink-0 items-center justify-center rounded-md text-ink-2 hover:bg-hover hover:text-ink active:bg-press focus-ring transition-colors',
    'disabled:pointer-events-none disabled:opacity-50 [&_svg]:size-4',
    size === 'md' ? 'h-control w-control' : 'size-7 pointer-coarse:h-control pointer-coarse:w-control',
    extra,
  );
}

export function IconButton({ label, icon, size = 'md', busy = false, shortcut, className, ...rest }: IconButtonProps) {
  return (
    <Tooltip content={label} {...(shortcut === undefined ? {} : { shortcut })}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        aria-busy={busy || undefined}
        className={iconButtonClass(size, className)}
      >
        {busy ? <Spinner /> : icon}
      </button>
    </Tooltip>
  );
}
