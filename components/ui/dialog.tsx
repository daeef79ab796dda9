'use client';

import { AlertDialog as BaseAlert } from '@base-ui/react/alert-dialog';
import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import { cx } from './cx.ts';
import { Field } from './field.tsx';
import { iconButtonClass } from './icon-button.tsx';
import { Input } from './input.tsx';

const SCRIM =
  'fixed inset-0 z-40 bg-scrim transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0';
const FADE = 'transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0';

export interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  /** Buttons; the main one last. */
  footer?: ReactNode;
  width?: 'sm' | 'md' | 'lg' | 'xl';
  /** Clicking beside it does not close: for forms, where that would lose what was typed. */
  keepOpen?: boolean;
}

const WIDTH = { sm: 'sm:max-w-[400px]', md: 'sm:max-w-[520px]', lg: 'sm:max-w-[720px]', xl: 'sm:max-w-[960px]' };

/** Centred from 640 px on; a sheet from the bottom on a phone. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  children,
  footer,
  width = 'md',
  keepOpen,
}: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)} disablePointerDismissal={keepOpen ?? false}>
      <Base.Portal>
        <Base.Backdrop className={SCRIM} />
        <Base.Viewport className="fixed inset-0 z-50 flex items-end justify-center sm:items-start sm:px-6 sm:py-[8dvh]">
          <Base.Popup
            className={cx(
              'flex max-h-[92dvh] w-full flex-col rounded-t-md bg-raised shadow-float outline-none sm:max-h-[84dvh] sm:rounded-md',
              FADE,
              WIDTH[width],
            )}
          >
            <div className="flex items-start gap-3 border-b border-line py-3 pr-2 pl-4">
              <div className="min-w-0 flex-1 pt-0.5">
                <Base.Title className="text-lg font-semibold">{title}</Base.Title>
                {description === undefined ? null : (
                  <Base.Description className="text-sm text-ink-2">{description}</Base.Description>
                )}
              </div>
              <Base.Close aria-label="Close" className={iconButtonClass('md')}>
                <X aria-hidden="true" />
              </Base.Close>
            </div>
            <div className="min-h-0 flex-1 overflow-y-auto p-4 scroll-thin">{children}</div>
            {footer === undefined ? null : <DialogFooter>{footer}</DialogFooter>}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

/** For a form that spans body and footer and so renders its own. */
export function DialogFooter({ children }: { children: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line px-4 py-3 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
      {children}
    </div>
  );
}

/** A panel from the right (from the bottom on a phone) beside which the page stays in sight. */
export function Sheet({
  open,
  onOpenChange,
  title,
  children,
  footer,
  side = 'right',
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  side?: 'right' | 'bottom';
}) {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className={SCRIM} />
        <Base.Popup
          className={cx(
            'fixed z-50 flex flex-col bg-raised shadow-float outline-none',
            'inset-x-0 bottom-0 max-h-[88dvh] rounded-t-md',
            side === 'right' && 'sm:inset-y-0 sm:right-0 sm:left-auto sm:max-h-none sm:w-[440px] sm:rounded-none',
            FADE,
          )}
        >
          <div className="flex items-center gap-3 border-b border-line py-2 pr-2 pl-4">
            <Base.Title className="min-w-0 flex-1 truncate text-lg font-semibold">{title}</Base.Title>
            <Base.Close aria-label="Close" className={iconButtonClass('md')}>
              <X aria-hidden="true" />
            </Base.Close>
          </div>
          <div className="min-h-0 flex-1 overflow-y-auto p-4 scroll-thin">{children}</div>
          {footer === undefined ? null : <DialogFooter>{footer}</DialogFooter>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

export interface ConfirmProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What will happen and what will be lost: figures, not adjectives. */
  children: ReactNode;
  /** The verb: "Delete source", never "OK". */
  action: string;
  onConfirm: () => void;
  busy?: boolean;
  tone?: 'danger' | 'plain';
  /** The person must type this name before the button works. */
  typeName?: string;
  error?: ReactNode;
}

export function ConfirmDialog({
  open,
  onOpenChange,
  title,
  children,
  action,
  onConfirm,
  busy = false,
  tone = 'danger',
  typeName,
  error,
}: ConfirmProps) {
  const [typed, setTyped] = useState('');
  const ready = typeName === undefined || typed.trim() === typeName;
  return (
    <BaseAlert.Root
      open={open}
      onOpenChange={(next) => {
        setTyped('');
        onOpenChange(next);
      }}
    >
      <BaseAlert.Portal>
        <BaseAlert.Backdrop className={SCRIM} />
        <BaseAlert.Popup
          className={cx(
            'fixed inset-x-0 bottom-0 z-50 rounded-t-md bg-raised shadow-float outline-none sm:inset-x-auto sm:top-[18dvh] sm:bottom-auto sm:left-1/2 sm:w-[440px] sm:-translate-x-1/2 sm:rounded-md',
            FADE,
          )}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (ready && !busy) onConfirm();
            }}
          >
            <div className="flex flex-col gap-3 p-4">
              <BaseAlert.Title className="text-lg font-semibold">{title}</BaseAlert.Title>
              <BaseAlert.Description render={<div />} className="text-base text-ink-2">
                {children}
              </BaseAlert.Description>
              {typeName === undefined ? null : (
                <Field label={`Type “${typeName}” to confirm`}>
                  <Input value={typed} onChange={(event) => setTyped(event.target.value)} mono />
                </Field>
              )}
              {error}
            </div>
            <DialogFooter>
              <BaseAlert.Close render={<Button />}>Cancel</BaseAlert.Close>
              <Button type="submit" variant={tone === 'danger' ? 'danger' : 'primary'} busy={busy} disabled={!ready}>
                {action}
              </Button>
            </DialogFooter>
          </form>
        </BaseAlert.Popup>
      </BaseAlert.Portal>
    </BaseAlert.Root>
  );
}
