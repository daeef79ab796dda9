import { Activity, Database, FolderTree, History, LayoutDashboard, type LucideIcon, Server } from 'lucide-react';
import type { Permission } from '#lib/contracts/access.ts';

export interface Destination {
  href: string;
  label: string;
  icon: LucideIcon;
  /** Pressed after `g`. */
  key: string;
  permission: Permission;
  /** In the bottom bar of a phone; the rest is behind "More". */
  phone: boolean;
}

export const DESTINATIONS: readonly Destination[] = [
  { href: '/', label: 'Overview', icon: LayoutDashboard, key: 'o', permission: 'overview:read', phone: true },
  { href: '/sources', label: 'Sources', icon: FolderTree, key: 's', permission: 'source:read', phone: true },
  { href: '/vaults', label: 'Vaults', icon: Database, key: 'v', permission: 'vault:read', phone: true },
  {
    href: '/recovery-points',
    label: 'Recovery points',
    icon: History,
    key: 'p',
    permission: 'recovery-point:read',
    phone: false,
  },
  { href: '/runs', label: 'Runs', icon: Activity, key: 'r', permission: 'run:read', phone: true },
  { href: '/workers', label: 'Workers', icon: Server, key: 'w', permission: 'worker:read', phone: false },
];

/** Whether the address is that destination or below it. */
export function isAt(pathname: string, href: string): boolean {
  return href === '/' ? pathname === '/' : pathname === href || pathname.startsWith(`${href}/`);
}
