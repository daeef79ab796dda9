import { ChevronRight } from 'lucide-react';
import Link from 'next/link';

/** The way here; the last one, without `href`, is where we are. */
export function Breadcrumb({ items }: { items: readonly { label: string; href?: string }[] }) {
  return (
    <nav aria-label="Breadcrumb">
      <ol className="flex flex-wrap items-center gap-1 text-sm text-ink-3">
        {items.map((item, index) => (
          <li key={item.href ?? item.label} className="flex min-w-0 items-center gap-1">
            {index === 0 ? null : <ChevronRight className="size-3.5 shrink-0" aria-hidden="true" />}
            {item.href === undefined ? (
              <span aria-current="page" className="truncate text-ink-2">
                {item.label}
              </span>
            ) : (
              <Link href={item.href} className="truncate rounded-xs hover:text-ink hover:underline">
                {item.label}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
