// Names of a repository's files in its store (restic's "default" layout).

import { AppError } from '#lib/errors.ts';
import type { IndexId, KeyId, LockId, PackId, SnapshotId } from '../types.ts';

export interface FileIds {
  index: IndexId;
  key: KeyId;
  lock: LockId;
  pack: PackId;
  snapshot: SnapshotId;
}

export type FileKind = keyof FileIds;
/** Kinds whose files are one sealed JSON document. */
export type UnpackedKind = 'index' | 'lock' | 'snapshot';

export const CONFIG_NAME = 'config';
const FOLDERS: Record<FileKind, string> = {
  index: 'index/',
  key: 'keys/',
  lock: 'locks/',
  pack: 'data/',
  snapshot: 'snapshots/',
};
const ID = /^[0-9a-f]{64}$/;

export function isId(text: string): boolean {
  return ID.test(text);
}

export function fileName(kind: FileKind, id: string): string {
  if (!ID.test(id)) throw new AppError('internal', `"${id.slice(0, 80)}" is no id of a ${kind} file.`);
  return kind === 'pack' ? `data/${id.slice(0, 2)}/${id}` : FOLDERS[kind] + id;
}

export function folderName(kind: FileKind): string {
  return FOLDERS[kind];
}

/** Id of a listed file; undefined for foreign files (temporary files, upper case, notes), which are left alone. */
export function idFromName<Kind extends FileKind>(kind: Kind, name: string): FileIds[Kind] | undefined {
  const id = name.slice(name.lastIndexOf('/') + 1);
  return ID.test(id) && fileName(kind, id) === name ? (id as FileIds[Kind]) : undefined;
}
