import type { ReactNode } from 'react';
import { Breadcrumb } from '#components/ui/breadcrumb.tsx';

/**
 * Title, one line of truth, one primary action. It also titles the browser tab, with the state of the page first
 * ("▲ 2 need attention · Overview"): a person has twenty tabs open and sees only their beginnings.
 */
export function PageHead({
  title,
  truth,
  action,
  badge,
  trail,
  tabState,
  tabTitle,
}: {
  title: string;
  truth?: ReactNode;
  action?: ReactNode;
  badge?: ReactNode;
  trail?: readonly { label: string; href?: string }[];
  tabState?: string | undefined;
  tabTitle?: string;
}) {
  const tab = [tabState, tabTitle ?? title, 'Holdfast'].filter(Boolean).join(' · ');
  return (
    <header className="mb-5 flex flex-col gap-1">
      <title>{tab}</title>
      {trail === undefined ? null : <Breadcrumb items={trail} />}
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 flex-1 basis-72">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 className="min-w-0 text-xl font-semibold tracking-[-0.01em] [overflow-wrap:anywhere]">{title}</h1>
            {badge}
          </div>
          {truth === undefined || truth === null ? null : <div className="mt-0.5 text-base text-ink-2">{truth}</div>}
        </div>
        {action === undefined || action === null ? null : (
          <div className="flex flex-wrap items-center gap-2" data-print="none">
            {action}
          </div>
        )}
      </div>
    </header>
  );
}

/** A part of a page: hairline and heading rather than a box. */
export function Section({
  title,
  count,
  action,
  children,
}: {
  title: string;
  count?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="mt-8 first:mt-0">
      <div className="mb-1 flex min-h-7 items-center justify-between gap-4">
        <h2 className="text-base font-semibold">
          {title}
          {count === undefined ? null : <span className="ml-2 text-sm font-normal text-ink-3 tabular">{count}</span>}
        </h2>
        {action}
      </div>
      {children}
    </section>
  );
}
