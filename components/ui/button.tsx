import Link from 'next/link';
import type { ComponentProps, ReactNode } from 'react';
import { cx } from './cx.ts';
import { Spinner } from './spinner.tsx';

export type ButtonVariant = 'primary' | 'secondary' | 'quiet' | 'danger';
export type ButtonSize = 'sm' | 'md';

const VARIANT: Record<ButtonVariant, string> = {
  primary: 'bg-accent-fill text-on-accent hover:bg-accent-fill-hover border-transparent',
  secondary: 'bg-surface text-ink border-line-strong hover:bg-hover active:bg-press',
  quiet: 'bg-transparent text-ink-2 border-transparent hover:bg-hover hover:text-ink active:bg-press',
  danger: 'bg-bad-fill text-on-accent border-transparent hover:bg-bad-fill-hover',
};

/** The look of a button, for elements that must be something else (a link, a menu trigger, a file label). */
export function buttonClass(variant: ButtonVariant = 'secondary', size: ButtonSize = 'md', extra?: string): string {
  return cx(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none focus-ring transition-colors',
    size === 'md' ? 'h-control px-3 text-base' : 'h-7 pointer-coarse:h-control px-2 text-sm',
    'disabled:pointer-events-none disabled:opacity-50 aria-disabled:opacity-60',
    '[&_svg]:size-4 [&_svg]:shrink-0',
    VARIANT[variant],
    extra,
  );
}

export interface ButtonProps extends ComponentProps<'button'> {
  variant?: ButtonVariant;
  size?: ButtonSize;
  /** Keeps the label, shows a spinner, ignores clicks. */
  busy?: boolean;
  icon?: ReactNode;
}

export function Button({ variant, size, busy = false, icon, className, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={buttonClass(variant, size, className)}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        // Not `disabled`: that would drop the focus of the person who just pressed it.
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {busy ? <Spinner /> : icon}
      {children}
    </button>
  );
}

export interface ButtonLinkProps extends ComponentProps<typeof Link> {
  variant?: ButtonVariant;
  size?: ButtonSize;
  icon?: ReactNode;
}

export function ButtonLink({ variant, size, icon, className, children, ...rest }: ButtonLinkProps) {
  return (
    <Link {...rest} className={buttonClass(variant, size, className)}>
      {icon}
      {children}
    </Link>
  );
}
