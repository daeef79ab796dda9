'use client';

import { Autocomplete } from '@base-ui/react/autocomplete';
import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import {
  Activity,
  Database,
  FolderTree,
  Keyboard,
  LogOut,
  type LucideIcon,
  Monitor,
  Moon,
  Play,
  Plus,
  Search,
  Sun,
  UserRound,
} from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useMemo } from 'react';
import { Kbd } from '#components/ui/kbd.tsx';
import { overviewQuery } from '#lib/client/queries/overview.ts';
import { sessionQuery, useSignOut } from '#lib/client/queries/session.ts';
import type { Permission } from '#lib/contracts/access.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import { DESTINATIONS } from './destinations.ts';
import { runDoing, runTitle } from './run-words.ts';
import { openShortcuts } from './shortcuts.tsx';
import { useTheme } from './use-theme.ts';

interface Item {
  value: string;
  label: string;
  icon: LucideIcon;
  /** Right of the label: a path, a shortcut. */
  note?: string;
  keys?: string;
  href?: string;
  act?: () => void;
}
interface Group {
  value: string;
  items: Item[];
}

/** Reaches every page, object and action by name. */
export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const router = useRouter();
  const groups = useGroups(open);
  const choose = (item: Item): void => {
    onOpenChange(false);
    if (item.href !== undefined) router.push(item.href);
    else item.act?.();
  };
  return (
    <Dialog.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-scrim transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Dialog.Viewport className="fixed inset-0 z-50 flex items-start justify-center px-2 pt-[10dvh]">
          <Dialog.Popup
            aria-label="Search everything"
            className="flex max-h-[70dvh] w-full max-w-[560px] flex-col overflow-hidden rounded-md bg-raised shadow-float outline-none transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0"
          >
            <Autocomplete.Root
              open
              inline
              items={groups}
              autoHighlight="always"
              keepHighlight
              itemToStringValue={(item) => (item as Item).label}
            >
              <div className="flex items-center gap-2.5 border-b border-line px-3.5">
                <Search className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
                <Autocomplete.Input
                  aria-label="Search pages, sources, vaults, runs and actions"
                  placeholder="Go to a page, a source, a vault, or do something…"
                  className="h-12 w-full min-w-0 bg-transparent text-lg outline-none"
                />
                <Dialog.Close className="shrink-0 rounded-xs">
                  <Kbd>Esc</Kbd>
                  <span className="sr-only">closes</span>
                </Dialog.Close>
              </div>
              <div className="min-h-0 flex-1 overflow-y-auto p-1.5 scroll-thin">
                <Autocomplete.Empty>
                  <p className="px-2 py-6 text-center text-base text-ink-3">Nothing has that name.</p>
                </Autocomplete.Empty>
                <Autocomplete.List>
                  {(group: Group) => (
                    <Autocomplete.Group key={group.value} items={group.items} className="not-first:mt-1.5">
                      <Autocomplete.GroupLabel className="px-2 py-1 text-xs text-ink-3">
                        {group.value}
                      </Autocomplete.GroupLabel>
                      <Autocomplete.Collection>
                        {(item: Item) => (
                          <Autocomplete.Item
                            key={item.value}
                            value={item}
                            onClick={() => choose(item)}
                            className="flex min-h-8 pointer-coarse:min-h-11 cursor-default items-center gap-2.5 rounded-sm px-2 text-base outline-none select-none data-highlighted:bg-press"
                          >
                            <item.icon className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
                            <span className="truncate">{item.label}</span>
                            {item.note === undefined ? null : (
                              <span className="min-w-0 flex-1 truncate text-right font-mono text-xs text-ink-3">
                                {item.note}
                              </span>
                            )}
                            {item.keys === undefined ? null : (
                              <span className="ml-auto">
                                <Kbd>{item.keys}</Kbd>
                              </span>
                            )}
                          </Autocomplete.Item>
                        )}
                      </Autocomplete.Collection>
                    </Autocomplete.Group>
                  )}
                </Autocomplete.List>
              </div>
            </Autocomplete.Root>
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function useGroups(open: boolean): Group[] {
  const { data } = useQuery({ ...overviewQuery(), enabled: open });
  const { data: session } = useQuery(sessionQuery());
  const signOut = useSignOut();
  const [, setTheme] = useTheme();
  const { mutate: leave } = signOut;
  return useMemo(() => {
    const may = (permission: Permission): boolean => session?.permissions.includes(permission) ?? false;
    const actions: Item[] = [];
    if (may('source:create'))
      actions.push({ value: 'add-source', label: 'Add a source', icon: Plus, href: '/sources/new' });
    if (may('vault:create'))
      actions.push({ value: 'add-vault', label: 'Create a vault', icon: Plus, href: '/vaults/new' });
    if (may('source:backup'))
      for (const source of data?.sources ?? [])
        actions.push({
          value: `backup-${source.id}`,
          label: `Back up ${source.name}…`,
          icon: Play,
          href: `/sources/${source.id}?backup=1`,
        });
    actions.push(
      { value: 'theme-system', label: 'Theme: as the system', icon: Monitor, act: () => setTheme('system') },
      { value: 'theme-light', label: 'Theme: light', icon: Sun, act: () => setTheme('light') },
      { value: 'theme-dark', label: 'Theme: dark', icon: Moon, act: () => setTheme('dark') },
      { value: 'shortcuts', label: 'Keyboard shortcuts', icon: Keyboard, keys: '?', act: openShortcuts },
      { value: 'sign-out', label: 'Sign out', icon: LogOut, act: () => leave() },
    );
    return [{ value: 'Pages', items: pages() }, ...objects(data), { value: 'Actions', items: actions }].filter(
      (group) => group.items.length > 0,
    );
  }, [data, session, setTheme, leave]);
}

function pages(): Item[] {
  return [
    ...DESTINATIONS.map((each) => ({
      value: each.href,
      label: each.label,
      icon: each.icon,
      keys: `g ${each.key}`,
      href: each.href,
    })),
    { value: '/settings', label: 'Account', icon: UserRound, href: '/settings' },
  ];
}

function objects(data: OverviewView | undefined): Group[] {
  if (data === undefined) return [];
  return [
    {
      value: 'Running',
      items: data.running.map((run) => ({
        value: run.id,
        label: runDoing(run),
        icon: Activity,
        href: `/runs/${run.id}`,
      })),
    },
    {
      value: 'Sources',
      items: data.sources.map((source) => ({
        value: source.id,
        label: source.name,
        icon: FolderTree,
        note: source.config.path,
        href: `/sources/${source.id}`,
      })),
    },
    {
      value: 'Vaults',
      items: data.vaults.map((vault) => ({
        value: vault.id,
        label: vault.name,
        icon: Database,
        note: vault.store.path,
        href: `/vaults/${vault.id}`,
      })),
    },
    {
      value: 'Recent runs',
      items: data.recent.slice(0, 5).map((run) => ({
        value: run.id,
        label: runTitle(run),
        icon: Activity,
        href: `/runs/${run.id}`,
      })),
    },
  ];
}
