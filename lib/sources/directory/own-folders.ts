// Folders of Holdfast itself on this host. The data folder holds the master key and the private database: whoever may download from a
// recovery point of it holds every vault's password, and whoever may restore into it owns the console. A vault that is backed up into
// itself grows with every run. So neither is read by a backup nor written by a restore.

import { realpath } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import { AppError } from '#lib/errors.ts';

/** Exclude patterns for those of `own` that lie below the source; 'conflict' when the source is one of them or lies in one. */
export async function excludesOfOwnFolders(path: string, own: readonly string[]): Promise<string[]> {
  const source = await realPlace(path);
  const patterns: string[] = [];
  for (const folder of own) {
    const place = await realPlace(folder);
    if (isInside(source, place)) {
      throw new AppError('conflict', {
        message: `"${path}" ${source === place ? 'is' : `lies in "${folder}",`} a folder of Holdfast itself, which is not backed up as a source.`,
        hint: 'Keep the recovery kits of the vaults instead: a kit and its vault are all that is needed to restore.',
      });
    }
    // Absolute, as the engine takes them: a relative one could begin like the source's own path.
    if (isInside(place, source)) patterns.push(`${path.replace(/\/+$/, '')}/${escapePattern(relative(source, place))}`);
  }
  return patterns;
}

/** 'conflict' when a restore would write into one of `own`. */
export async function refuseOwnFolders(target: string, own: readonly string[]): Promise<void> {
  const wanted = await realPlace(target);
  for (const folder of own) {
    if (!isInside(wanted, await realPlace(folder))) continue;
    throw new AppError('conflict', {
      message: `"${target}" lies in "${folder}", a folder of Holdfast itself: nothing is restored into it.`,
      hint: 'Restore into another folder.',
    });
  }
}

/** The path without symbolic links; of what does not exist yet, as far as it exists. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const above = dirname(path);
    const { code } = error as NodeJS.ErrnoException;
    // What may not even be looked into can be neither read nor written: whoever tries says so.
    if ((code !== 'ENOENT' && code !== 'EACCES') || above === path) throw error;
    return `${(await realPlace(above)).replace(/\/$/, '')}${sep}${path.slice(above.length).replace(/^\//, '')}`;
  }
}

/** Both without a trailing slash, but for '/'. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** gitignore's special characters, as themselves. */
function escapePattern(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&').replace(/ $/, '\\ ');
}
