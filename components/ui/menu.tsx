'use client';

import { Menu as Base } from '@base-ui/react/menu';
import Link from 'next/link';
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';
import { Kbd } from './kbd.tsx';

/** `trigger` is one button-like element. */
export function Menu({
  trigger,
  children,
  align = 'end',
  side = 'bottom',
}: {
  trigger: ReactElement;
  children: ReactNode;
  align?: 'start' | 'center' | 'end';
  side?: 'top' | 'bottom' | 'right';
}) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger as ReactElement<Record<string, unknown>>} />
      <Base.Portal>
        <Base.Positioner className="z-50" sideOffset={4} align={align} side={side}>
          <Base.Popup className="min-w-48 max-w-[min(20rem,90vw)] rounded-md bg-raised p-1 shadow-float outline-none transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0">
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const ITEM =
  'flex min-h-8 pointer-coarse:min-h-11 w-full cursor-default items-center gap-2 rounded-sm px-2 text-base text-ink outline-none select-none data-disabled:opacity-50 data-highlighted:bg-press [&_svg]:size-4 [&_svg]:text-ink-3';

export function MenuItem({
  children,
  icon,
  onSelect,
  href,
  shortcut,
  danger = false,
  disabled = false,
}: {
  children: ReactNode;
  icon?: ReactNode;
  onSelect?: () => void;
  href?: string;
  shortcut?: string;
  danger?: boolean;
  disabled?: boolean;
}) {
  const body = (
    <>
      {icon}
      <span className="flex-1">{children}</span>
      {shortcut === undefined ? null : <Kbd>{shortcut}</Kbd>}
    </>
  );
  const className = cx(ITEM, danger && 'text-bad [&_svg]:text-bad');
  if (href !== undefined)
    return (
      <Base.LinkItem className={className} render={<Link href={href} />}>
        {body}
      </Base.LinkItem>
    );
  return (
    <Base.Item className={className} disabled={disabled} onClick={() => onSelect?.()}>
      {body}
    </Base.Item>
  );
}

export function MenuRadio<V extends string>({
  label,
  value,
  onValueChange,
  options,
}: {
  label: string;
  value: V;
  onValueChange: (value: V) => void;
  options: readonly { value: V; label: string; icon?: ReactNode }[];
}) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2 pt-1.5 pb-1 text-xs text-ink-3">{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={(next) => onValueChange(next as V)}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} closeOnClick={false} className={ITEM}>
            {option.icon}
            <span className="flex-1">{option.label}</span>
            <Base.RadioItemIndicator>
              <span className="block size-1.5 rounded-full bg-accent" />
            </Base.RadioItemIndicator>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

export function MenuSeparator() {
  return <Base.Separator className="my-1 h-px bg-line" />;
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2 pt-1.5 pb-2">{children}</Base.GroupLabel>
    </Base.Group>
  );
}
