'use client';

import { useQuery } from '@tanstack/react-query';
import { Ellipsis, LogOut, Search, UserRound } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { useState } from 'react';
import { Button } from '#components/ui/button.tsx';
import { cx } from '#components/ui/cx.ts';
import { Sheet } from '#components/ui/dialog.tsx';
import { Segmented } from '#components/ui/segmented.tsx';
import { StateMark } from '#components/ui/state.tsx';
import { sessionQuery, useSignOut } from '#lib/client/queries/session.ts';
import { DESTINATIONS, isAt } from './destinations.ts';
import { useRailCounts } from './rail.tsx';
import { THEMES } from './session-menu.tsx';
import { useTheme } from './use-theme.ts';

const ITEM = 'relative flex flex-1 flex-col items-center justify-center gap-0.5 text-xs';

export function PhoneBar({ onSearch }: { onSearch: () => void }) {
  const pathname = usePathname();
  const counts = useRailCounts();
  const [more, setMore] = useState(false);
  return (
    <nav
      aria-label="Main"
      data-print="none"
      className="fixed inset-x-0 bottom-0 z-30 flex h-[calc(3.5rem+env(safe-area-inset-bottom))] border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {DESTINATIONS.filter((each) => each.phone).map(({ href, label, icon: Icon }) => {
        const active = isAt(pathname, href);
        const count = counts[href];
        return (
          <Link
            key={href}
            href={href}
            aria-current={active ? 'page' : undefined}
            className={cx(ITEM, active ? 'font-medium text-ink' : 'text-ink-2')}
          >
            <Icon className={cx('size-5', active ? 'text-accent' : 'text-ink-3')} aria-hidden="true" />
            {label}
            {count === undefined ? null : (
              <>
                <StateMark tone={count.tone} className="absolute top-1.5 left-[calc(50%+8px)]" />
                <span className="sr-only">, {count.words}</span>
              </>
            )}
          </Link>
        );
      })}
      <button type="button" className={cx(ITEM, 'text-ink-2')} onClick={() => setMore(true)}>
        <Ellipsis className="size-5 text-ink-3" aria-hidden="true" />
        More
      </button>
      <More
        open={more}
        onOpenChange={setMore}
        onSearch={() => {
          setMore(false);
          onSearch();
        }}
      />
    </nav>
  );
}

function More({
  open,
  onOpenChange,
  onSearch,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onSearch: () => void;
}) {
  const { data } = useQuery(sessionQuery());
  const signOut = useSignOut();
  const [theme, setTheme] = useTheme();
  const row = 'flex h-row w-full items-center gap-3 rounded-md px-2 text-base hover:bg-hover';
  return (
    <Sheet open={open} onOpenChange={onOpenChange} title={data?.user.name ?? 'More'} side="bottom">
      <div className="flex flex-col">
        <button type="button" className={row} onClick={onSearch}>
          <Search className="size-4 text-ink-3" aria-hidden="true" />
          Search everything
        </button>
        {DESTINATIONS.filter((each) => !each.phone).map(({ href, label, icon: Icon }) => (
          <Link key={href} href={href} className={row} onClick={() => onOpenChange(false)}>
            <Icon className="size-4 text-ink-3" aria-hidden="true" />
            {label}
          </Link>
        ))}
        <Link href="/settings" className={row} onClick={() => onOpenChange(false)}>
          <UserRound className="size-4 text-ink-3" aria-hidden="true" />
          Account
        </Link>
        <div className="mt-3 flex items-center justify-between gap-4 border-t border-line pt-3">
          <Segmented
            label="Theme"
            value={theme}
            onValueChange={setTheme}
            options={THEMES.map(({ value, icon, label }) => ({ value, label: icon, name: label }))}
          />
          <Button icon={<LogOut aria-hidden="true" />} onClick={() => signOut.mutate()}>
            Sign out
          </Button>
        </div>
      </div>
    </Sheet>
  );
}
