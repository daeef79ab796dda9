// The words of a restore: what each overwrite mode does, what a plan amounts to.

import { formatBytes, formatCount, formatPlural } from '#lib/client/format.ts';
import type { RestorePlanView, RestoreRequest } from '#lib/contracts/restores.ts';

export type Summary = NonNullable<RestorePlanView['summary']>;
export type Overwrite = RestoreRequest['overwrite'];

export const OVERWRITE: Record<Overwrite, { label: string; hint: string }> = {
  'if-changed': {
    label: 'Replace what differs',
    hint: 'Files that are the same by size and time stay as they are. The usual choice.',
  },
  never: {
    label: 'Only bring back what is missing',
    hint: 'Nothing that is there is touched.',
  },
  'if-newer': {
    label: 'Replace only older files',
    hint: 'A file that was changed after the backup stays.',
  },
  always: {
    label: 'Compare every byte',
    hint: 'Also files that look the same are read and compared with the recovery point, and written again where they differ: for when the disk itself is in doubt.',
  },
};

export const OVERWRITE_ORDER: readonly Overwrite[] = ['if-changed', 'never', 'if-newer', 'always'];

/** What will happen, in one sentence with figures. */
export function planSentence(summary: Summary): string {
  const parts = [
    summary.create.count > 0 ? `${formatPlural(summary.create.count, 'entry', 'entries')} created` : null,
    summary.overwrite.count > 0 ? `${formatCount(summary.overwrite.count)} overwritten` : null,
    summary.keep.count > 0 ? `${formatCount(summary.keep.count)} kept` : null,
  ].filter((part) => part !== null);
  if (parts.length === 0) return 'Nothing would be written: all of it is there already.';
  return `${parts.join(', ')}; ${formatBytes(summary.create.bytes + summary.overwrite.bytes)} written.`;
}

/** Bytes that are missing on the target's disk; 0 when they fit or nobody knows. Overwriting frees what it replaces only afterwards. */
export function missingBytes(summary: Summary): number {
  if (summary.freeBytes === undefined) return 0;
  return Math.max(0, summary.create.bytes + summary.overwrite.bytes - summary.freeBytes);
}
