'use client';

import { type RefObject, useEffect, useRef } from 'react';

/** True while keys belong to a field or an open dialog, not to the page. */
export function typing(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return true;
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (target === null) return false;
  if (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return true;
  if (target.closest('[role="dialog"],[role="alertdialog"],[role="menu"],[role="listbox"]') !== null) return true;
  return document.querySelector('[role="dialog"][data-open],[role="alertdialog"][data-open]') !== null;
}

/**
 * j and k move the focus through the links marked `data-row` inside the element; Enter opens because they are links.
 * With several lists on a page, the one that holds the focus answers, else the first.
 */
export function useListKeys<E extends HTMLElement>(active: boolean): RefObject<E | null> {
  const root = useRef<E>(null);
  useEffect(() => {
    if (!active) return;
    const onKey = (event: KeyboardEvent): void => {
      if ((event.key !== 'j' && event.key !== 'k') || typing(event)) return;
      const self = root.current;
      if (self === null) return;
      const focused = document.activeElement;
      const owner = focused?.closest('[data-list]') ?? document.querySelector('[data-list]');
      if (owner !== self) return;
      const rows = [...self.querySelectorAll<HTMLElement>('[data-row]')];
      const at = rows.indexOf(focused as HTMLElement);
      const next = at === -1 ? (event.key === 'j' ? 0 : rows.length - 1) : at + (event.key === 'j' ? 1 : -1);
      const row = rows[Math.min(rows.length - 1, Math.max(0, next))];
      if (row === undefined) return;
      event.preventDefault();
      row.focus();
      row.scrollIntoView({ block: 'nearest' });
    };
    root.current?.setAttribute('data-list', '');
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [active]);
  return root;
}
