import { Cpu, File, Folder, HelpCircle, Link2, type LucideIcon, Waypoints } from 'lucide-react';
import type { EntryView } from '#lib/contracts/recovery-points.ts';

const ICON: Record<EntryView['type'], LucideIcon> = {
  dir: Folder,
  file: File,
  symlink: Link2,
  dev: Cpu,
  chardev: Cpu,
  fifo: Waypoints,
  socket: Waypoints,
  irregular: HelpCircle,
};

export const TYPE_WORD: Record<EntryView['type'], string> = {
  dir: 'Folder',
  file: 'File',
  symlink: 'Symbolic link',
  dev: 'Block device',
  chardev: 'Character device',
  fifo: 'Named pipe',
  socket: 'Socket',
  irregular: 'Irregular file',
};

export function EntryIcon({ type }: { type: EntryView['type'] }) {
  const Icon = ICON[type];
  return (
    <Icon
      className={type === 'dir' ? 'size-4 shrink-0 fill-accent/20 text-accent' : 'size-4 shrink-0 text-ink-3'}
      aria-hidden="true"
    />
  );
}
