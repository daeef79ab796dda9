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

const thisYear = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const otherYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** As `ls -l` does: the hour for this year, else the year. Made once: a formatter costs 0.1 ms, and a scroll draws hundreds of rows. */
export function entryTime(mtime: string): string {
  const time = new Date(mtime);
  return (time.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(time);
}

export function EntryIcon({ type }: { type: EntryView['type'] }) {
  const Icon = ICON[type];
  return (
    <Icon
      className={type === 'dir' ? 'size-4 shrink-0 fill-accent/20 text-accent' : 'size-4 shrink-0 text-ink-3'}
      aria-hidden="true"
    />
  );
}
