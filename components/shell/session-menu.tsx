'use client';

import { useQuery } from '@tanstack/react-query';
import { CircleUser, Keyboard, LogOut, Monitor, Moon, Sun, UserRound } from 'lucide-react';
import { cx } from '#components/ui/cx.ts';
import { Menu, MenuItem, MenuLabel, MenuRadio, MenuSeparator } from '#components/ui/menu.tsx';
import { sessionQuery, useSignOut } from '#lib/client/queries/session.ts';
import type { Theme } from './preferences.ts';
import { openShortcuts } from './shortcuts.tsx';
import { useTheme } from './use-theme.ts';

export const THEMES: readonly { value: Theme; label: string; icon: React.ReactNode }[] = [
  { value: 'system', label: 'System', icon: <Monitor aria-hidden="true" /> },
  { value: 'light', label: 'Light', icon: <Sun aria-hidden="true" /> },
  { value: 'dark', label: 'Dark', icon: <Moon aria-hidden="true" /> },
];

export function SessionMenu({ narrow }: { narrow: boolean }) {
  const { data } = useQuery(sessionQuery());
  const signOut = useSignOut();
  const [theme, setTheme] = useTheme();
  const name = data?.user.name ?? 'Account';
  return (
    <Menu
      align="start"
      side="top"
      trigger={
        <button
          type="button"
          className={cx(
            'flex min-h-10 w-full items-center gap-2.5 rounded-md text-left hover:bg-hover focus-ring data-popup-open:bg-hover',
            narrow ? 'justify-center' : 'px-2',
          )}
        >
          <CircleUser className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
          {narrow ? (
            <span className="sr-only">{name}</span>
          ) : (
            <span className="min-w-0 flex-1">
              <span className="block truncate text-sm font-medium">{name}</span>
              <span className="block truncate text-xs text-ink-3">
                {data === undefined ? '\u00a0' : data.user.role}
              </span>
            </span>
          )}
        </button>
      }
    >
      {data === undefined ? null : (
        <>
          <MenuLabel>
            <span className="block truncate text-sm">{data.user.email}</span>
            <span className="block text-xs text-ink-3">Signed in as {data.user.role}</span>
          </MenuLabel>
          <MenuSeparator />
        </>
      )}
      <MenuItem icon={<UserRound aria-hidden="true" />} href="/settings">
        Account
      </MenuItem>
      <MenuItem icon={<Keyboard aria-hidden="true" />} onSelect={openShortcuts} shortcut="?">
        Keyboard shortcuts
      </MenuItem>
      <MenuSeparator />
      <MenuRadio label="Theme" value={theme} onValueChange={setTheme} options={THEMES} />
      <MenuSeparator />
      <MenuItem icon={<LogOut aria-hidden="true" />} onSelect={() => signOut.mutate()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
