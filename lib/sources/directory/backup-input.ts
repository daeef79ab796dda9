import { lstat, readlink } from 'node:fs/promises';
import type { SourceConfig } from '#lib/contracts/sources.ts';
import { AppError } from '#lib/errors.ts';
import { hostPath } from './host-path.ts';
import { folderError, inspectDirectory } from './inspect.ts';

/**
 * What the engine is to back up for this source, once the folder is known to be there. Errors: those of inspectDirectory, and
 * 'invalid-input' for a symbolic link, of which a backup would hold the link alone.
 */
export async function directoryBackup(config: SourceConfig): Promise<{ path: string; excludes: string[] }> {
  const path = hostPath(config.path);
  const stats = await lstat(path).catch((error) => {
    throw folderError(path, error);
  });
  if (stats.isSymbolicLink()) {
    throw new AppError('invalid-input', {
      message: `"${path}" is a symbolic link to "${await readlink(path)}".`,
      hint: 'Change the source to the folder that it leads to.',
    });
  }
  await inspectDirectory(path);
  return { path, excludes: config.excludes };
}
