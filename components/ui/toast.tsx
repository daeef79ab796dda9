'use client';

import { Toast as Base } from '@base-ui/react/toast';
import { X } from 'lucide-react';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { StateMark, type Tone } from './state.tsx';

interface ToastData {
  tone: Tone;
  action?: { label: string; href?: string; onSelect?: () => void };
}

const manager = Base.createToastManager<ToastData>();
const READING_TIME_MS = 6_000;

/**
 * Says what happened and offers undo or a link. From anywhere in the browser. An error stays until it is closed: it may
 * be the only trace of it on the screen.
 */
export function notify(message: {
  title: string;
  description?: string;
  tone?: Tone;
  action?: ToastData['action'];
}): void {
  const tone = message.tone ?? 'good';
  manager.add({
    title: message.title,
    ...(message.description === undefined ? {} : { description: message.description }),
    timeout: tone === 'bad' ? 0 : READING_TIME_MS,
    priority: tone === 'bad' ? 'high' : 'low',
    data: { tone, ...(message.action === undefined ? {} : { action: message.action }) },
  });
}

export function ToastProvider({ children }: { children: ReactNode }) {
  return (
    <Base.Provider toastManager={manager} limit={3}>
      {children}
      <Base.Portal>
        <Base.Viewport className="fixed right-4 bottom-[calc(4.5rem+env(safe-area-inset-bottom)+var(--strip,0px))] left-4 z-60 flex flex-col-reverse gap-2 sm:left-auto sm:w-[360px] md:bottom-[calc(1rem+var(--strip,0px))]">
          <ToastList />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  );
}

function ToastList() {
  const { toasts, close } = Base.useToastManager<ToastData>();
  return toasts.map((toast) => (
    <Base.Root
      key={toast.id}
      toast={toast}
      className="rounded-md bg-raised shadow-float transition-opacity data-ending-style:opacity-0 data-limited:hidden data-starting-style:opacity-0"
    >
      <Base.Content className="flex items-start gap-2.5 py-2 pr-1.5 pl-3">
        <StateMark tone={toast.data?.tone ?? 'idle'} className="mt-2" />
        <div className="min-w-0 flex-1 py-1">
          <Base.Title className="text-base font-medium" />
          <Base.Description className="text-sm text-ink-2 [overflow-wrap:anywhere]" />
          {toast.data?.action === undefined ? null : (
            <ToastAction action={toast.data.action} onDone={() => close(toast.id)} />
          )}
        </div>
        <Base.Close
          aria-label="Dismiss"
          className="inline-flex size-7 shrink-0 items-center justify-center rounded-md text-ink-3 hover:bg-hover hover:text-ink focus-ring"
        >
          <X className="size-4" aria-hidden="true" />
        </Base.Close>
      </Base.Content>
    </Base.Root>
  ));
}

function ToastAction({ action, onDone }: { action: NonNullable<ToastData['action']>; onDone: () => void }) {
  const className = 'mt-0.5 inline-block text-sm font-medium text-accent hover:underline';
  if (action.href !== undefined)
    return (
      <Link href={action.href} className={className} onClick={onDone}>
        {action.label}
      </Link>
    );
  return (
    <button
      type="button"
      className={className}
      onClick={() => {
        action.onSelect?.();
        onDone();
      }}
    >
      {action.label}
    </button>
  );
}
