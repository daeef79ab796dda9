'use client';

import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { cx } from './cx.ts';
import { IconButton } from './icon-button.tsx';

const SHOWN_MS = 1_500;

function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (text: string): void => {
    void writeClipboard(text).then(setCopied);
  };
  return [copied, copy];
}

/** The clipboard API exists only over HTTPS and on loopback; elsewhere the old command still works. */
async function writeClipboard(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused by a permission: the fallback below may still be allowed.
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, copy] = useCopied();
  return (
    <IconButton
      size="sm"
      label={copied ? 'Copied' : label}
      icon={copied ? <Check className="text-good" aria-hidden="true" /> : <Copy aria-hidden="true" />}
      onClick={() => copy(text)}
    />
  );
}

/** A shortened id; a click copies all of it. */
export function CopyId({ id, length = 8, className }: { id: string; length?: number; className?: string }) {
  const [copied, copy] = useCopied();
  return (
    <button
      type="button"
      title={copied ? 'Copied' : `${id} (click to copy)`}
      className={cx(
        'relative z-10 -mx-1 rounded-xs px-1 font-mono text-[0.92em] text-ink-2 hover:bg-press hover:text-ink focus-ring',
        className,
      )}
      onClick={() => copy(id)}
    >
      <span className="sr-only">{copied ? 'Copied' : 'Copy'} </span>
      {id.slice(0, length)}
      {copied ? <Check className="ml-1 inline size-3 text-good" aria-hidden="true" /> : null}
    </button>
  );
}

/** Commands or a token, in monospace, with a button that copies them. */
export function CodeBlock({ text, label }: { text: string; label: string }) {
  return (
    <div className="flex items-start gap-1 rounded-md border border-line bg-sunken pr-1 pl-3">
      <section
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so the keyboard must reach it
        tabIndex={0}
        className="min-w-0 flex-1 overflow-x-auto py-2 scroll-thin"
      >
        <pre className="font-mono text-sm whitespace-pre">{text}</pre>
      </section>
      <span className="py-1">
        <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} />
      </span>
    </div>
  );
}
