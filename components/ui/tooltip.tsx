'use client';

import { Tooltip as Base } from '@base-ui/react/tooltip';
import type { ReactElement, ReactNode } from 'react';
import { Kbd } from './kbd.tsx';

/** One provider at the root: tooltips that follow each other open at once. */
export function TooltipProvider({ children }: { children: ReactNode }) {
  return (
    <Base.Provider delay={400} closeDelay={0}>
      {children}
    </Base.Provider>
  );
}

/**
 * A hint on hover and focus. It repeats or sharpens what is on the screen: a tooltip never reaches touch or print, so
 * nothing a person needs may live only here. `children` is one element that takes a ref and props.
 */
export function Tooltip({
  content,
  children,
  shortcut,
  side = 'top',
}: {
  content: ReactNode;
  children: ReactElement;
  shortcut?: string;
  side?: 'top' | 'bottom' | 'left' | 'right';
}) {
  return (
    <Base.Root>
      <Base.Trigger render={children as ReactElement<Record<string, unknown>>} />
      <Base.Portal>
        <Base.Positioner side={side} sideOffset={6} className="z-50">
          <Base.Popup className="max-w-80 rounded-sm bg-ink px-2 py-1 text-xs text-canvas tabular transition-opacity data-ending-style:opacity-0 data-instant:transition-none data-starting-style:opacity-0">
            <span className="flex items-center gap-2">
              {content}
              {shortcut === undefined ? null : <Kbd inverse>{shortcut}</Kbd>}
            </span>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
