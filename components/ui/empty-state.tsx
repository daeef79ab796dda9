import type { ReactNode } from 'react';

/** Teaches: one sentence, one picture made of real components, one action, the command that does the same. */
export function EmptyState({
  title,
  children,
  picture,
  action,
  command,
}: {
  title: string;
  children?: ReactNode;
  picture?: ReactNode;
  action?: ReactNode;
  command?: string;
}) {
  return (
    <div className="flex flex-col items-center gap-4 px-4 py-12 text-center">
      {picture === undefined ? null : (
        <div aria-hidden="true" inert className="w-full max-w-[440px] opacity-70 select-none">
          {picture}
        </div>
      )}
      <div className="max-w-[52ch]">
        <h2 className="text-lg font-semibold">{title}</h2>
        {children === undefined ? null : <p className="mt-1 text-base text-pretty text-ink-2">{children}</p>}
      </div>
      {action}
      {command === undefined ? null : (
        <p className="text-xs text-ink-3">
          or on the command line:{' '}
          <code className="rounded-xs bg-sunken px-1.5 py-0.5 font-mono text-ink-2">{command}</code>
        </p>
      )}
    </div>
  );
}
