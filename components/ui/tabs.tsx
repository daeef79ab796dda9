'use client';

import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';

export interface Tab<V extends string> {
  value: V;
  label: ReactNode;
  /** A figure beside the label. */
  count?: ReactNode;
  content: ReactNode;
}

/** Controlled, because a tab has a URL: keep `value` in the address. */
export function Tabs<V extends string>({
  tabs,
  value,
  onValueChange,
  label,
}: {
  tabs: readonly Tab<V>[];
  value: V;
  onValueChange: (value: V) => void;
  label: string;
}) {
  return (
    <Base.Root value={value} onValueChange={(next) => onValueChange(next as V)}>
      <Base.List
        aria-label={label}
        activateOnFocus
        className="relative flex gap-4 overflow-x-auto border-b border-line [scrollbar-width:none]"
      >
        {tabs.map((tab) => (
          <Base.Tab
            key={tab.value}
            value={tab.value}
            className="flex h-row shrink-0 items-center gap-1.5 text-base text-ink-2 hover:text-ink focus-visible:-outline-offset-2 data-active:font-medium data-active:text-ink"
          >
            {tab.label}
            {tab.count === undefined ? null : <span className="text-xs text-ink-3 tabular">{tab.count}</span>}
          </Base.Tab>
        ))}
        <Base.Indicator className="absolute bottom-0 left-0 h-0.5 w-(--active-tab-width) translate-x-(--active-tab-left) bg-accent transition-[translate,width]" />
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.value} value={tab.value} className="pt-4">
          {tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
