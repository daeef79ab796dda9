'use client';

import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { Dialog } from '#components/ui/dialog.tsx';
import { Kbd } from '#components/ui/kbd.tsx';
import { typing } from '#components/ui/list-keys.ts';
import { DESTINATIONS } from './destinations.ts';

const SEQUENCE_MS = 1_200;
const OPEN_EVENT = 'holdfast:shortcuts';

export function openShortcuts(): void {
  window.dispatchEvent(new Event(OPEN_EVENT));
}

const GENERAL: readonly [keys: string, words: string][] = [
  ['Ctrl K', 'Search everything (⌘ K on a Mac)'],
  ['/', 'Search on this page'],
  ['j', 'Next row'],
  ['k', 'Previous row'],
  ['Enter', 'Open the row'],
  ['Ctrl Enter', 'Save the form'],
  ['[', 'Collapse or expand the navigation'],
  ['Esc', 'Close what is open'],
  ['?', 'This list'],
];

/**
 * Keys of the frame. `/` goes to the field marked `data-search` on the page, and to the palette where there is none.
 * Keys typed into a field or while a dialog is open are never taken.
 */
export function Shortcuts({ onPalette, onToggleRail }: { onPalette: () => void; onToggleRail: () => void }) {
  const router = useRouter();
  const [listed, setListed] = useState(false);

  useEffect(() => {
    let began = 0;
    const onKey = (event: KeyboardEvent): void => {
      if ((event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        onPalette();
        return;
      }
      if (typing(event)) return;
      if (began > 0 && event.timeStamp - began < SEQUENCE_MS) {
        began = 0;
        const destination = DESTINATIONS.find((each) => each.key === event.key);
        if (destination !== undefined) {
          event.preventDefault();
          router.push(destination.href);
          return;
        }
      }
      switch (event.key) {
        case 'g':
          began = event.timeStamp;
          return;
        case '/': {
          event.preventDefault();
          const field = document.querySelector<HTMLInputElement>('[data-search]');
          if (field === null) onPalette();
          else {
            field.focus();
            field.select();
          }
          return;
        }
        case '[':
          onToggleRail();
          return;
        case '?':
          setListed(true);
      }
    };
    const open = (): void => setListed(true);
    document.addEventListener('keydown', onKey);
    window.addEventListener(OPEN_EVENT, open);
    return () => {
      document.removeEventListener('keydown', onKey);
      window.removeEventListener(OPEN_EVENT, open);
    };
  }, [router, onPalette, onToggleRail]);

  return (
    <Dialog open={listed} onOpenChange={setListed} title="Keyboard shortcuts" width="sm">
      <Keys title="Anywhere" keys={GENERAL} />
      <Keys title="Go to" keys={DESTINATIONS.map(({ key, label }) => [`g ${key}`, label] as const)} />
    </Dialog>
  );
}

function Keys({ title, keys }: { title: string; keys: readonly (readonly [string, string])[] }) {
  return (
    <section className="not-first:mt-4">
      <h3 className="mb-1 text-xs font-medium text-ink-3">{title}</h3>
      <dl>
        {keys.map(([key, words]) => (
          <div key={key} className="flex min-h-8 items-center justify-between gap-4 border-b border-line last:border-0">
            <dt className="order-2">
              <Kbd>{key}</Kbd>
            </dt>
            <dd className="text-base">{words}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
