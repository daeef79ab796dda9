'use client';

import { type ComponentProps, type KeyboardEvent, useEffect } from 'react';

/** Saves on Ctrl-Enter (⌘-Enter) from any field, and asks before the tab is closed over unsaved words. */
export function Form({ dirty = false, onKeyDown, ...rest }: ComponentProps<'form'> & { dirty?: boolean }) {
  useEffect(() => {
    if (!dirty) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [dirty]);
  return (
    <form
      noValidate
      {...rest}
      onKeyDown={(event: KeyboardEvent<HTMLFormElement>) => {
        onKeyDown?.(event);
        if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
          event.preventDefault();
          event.currentTarget.requestSubmit();
        }
      }}
    />
  );
}

/**
 * Puts a server's field errors at their fields. Returns false when none of them belongs to `known`, so that the caller
 * shows the message above the form.
 */
export function applyFieldErrors<Name extends string>(
  fields: Record<string, string> | undefined,
  known: readonly Name[],
  setError: (name: Name, error: { type: string; message: string }, options?: { shouldFocus: boolean }) => void,
): boolean {
  let shown = false;
  for (const name of known) {
    const message = fields?.[name];
    if (message === undefined) continue;
    setError(name, { type: 'server', message }, { shouldFocus: !shown });
    shown = true;
  }
  return shown;
}
