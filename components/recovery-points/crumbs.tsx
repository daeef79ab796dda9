'use client';

import { ChevronRight, HardDrive } from 'lucide-react';

export interface Crumb {
  name: string;
  path: string;
}

/** "/srv/www" → root, srv, www. Names are PathText, so a slash inside one is impossible. */
export function crumbsOf(path: string): Crumb[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((name, index) => ({ name, path: `/${names.slice(0, index + 1).join('/')}` }));
}

/** The way from the root of the recovery point to this folder; each step is a button. */
export function Crumbs({ path, onGo }: { path: string; onGo: (path: string) => void }) {
  const crumbs = crumbsOf(path);
  return (
    <nav aria-label="Folder" className="min-w-0 flex-1">
      <ol className="flex flex-wrap items-center text-sm">
        <li>
          <button
            type="button"
            aria-label="Root of the recovery point"
            aria-current={crumbs.length === 0 ? 'page' : undefined}
            onClick={() => onGo('/')}
            className="flex h-7 pointer-coarse:h-11 items-center rounded-sm px-1.5 text-ink-2 hover:bg-hover hover:text-ink"
          >
            <HardDrive className="size-4" aria-hidden="true" />
          </button>
        </li>
        {crumbs.map((crumb, index) => (
          <li key={crumb.path} className="flex min-w-0 items-center">
            <ChevronRight className="size-3.5 shrink-0 text-ink-3" aria-hidden="true" />
            <button
              type="button"
              aria-current={index === crumbs.length - 1 ? 'page' : undefined}
              onClick={() => onGo(crumb.path)}
              className="h-7 pointer-coarse:h-11 max-w-[28ch] truncate rounded-sm px-1 text-ink-2 hover:bg-hover hover:text-ink aria-[current]:font-medium aria-[current]:text-ink"
            >
              {crumb.name}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
