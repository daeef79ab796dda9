// Streams of a backup: no files here, but files of the snapshot, beside the paths or alone (restic's --stdin).

import { isAbsolute, normalize } from 'node:path';
import { AppError } from '#lib/errors.ts';
import { goModeFromStMode } from '../format/mode.ts';
import { encodeNode, nameProblem, type TreeNode } from '../format/node.ts';
import { groupName, userName } from '../format/node-owners.ts';
import { formatDate } from '../format/time.ts';
import type { BlobId, StreamSource, TreeId } from '../types.ts';
import type { BackupSession } from './backup-session.ts';
import { isBelow, newRoot, type Source, type UpperFolder } from './backup-sources.ts';

const S_IFREG = 0o100644;
const S_IFDIR = 0o040755;

/** Throws 'invalid-input' for paths that cannot be, that are inside a source, or inside one another. */
export function checkStreams(streams: readonly StreamSource[], sources: readonly Source[]): void {
  const taken = sources.map(({ path }) => path);
  for (const { path } of streams) {
    const names = path.split('/').slice(1);
    const bad = names.map((name) => nameProblem(Buffer.from(name))).find((problem) => problem !== undefined);
    if (!isAbsolute(path) || normalize(path) !== path || bad !== undefined) {
      throw new AppError('invalid-input', `"${path}" is no absolute path of a file${bad ? `: a name ${bad}` : ''}.`);
    }
    const other = taken.find((one) => one === path || isBelow(path, one) || isBelow(one, path));
    if (other !== undefined) {
      throw new AppError(
        'invalid-input',
        `"${path}" and "${other}" cannot be in one snapshot: one is inside the other.`,
      );
    }
    taken.push(path);
  }
}

/** Stores the streams one after the other and hangs their nodes into `root`, the folders above all sources. */
export async function storeStreams(
  session: BackupSession,
  streams: readonly StreamSource[],
  root: UpperFolder,
): Promise<void> {
  for (const { path, content } of streams) {
    const names = path
      .split('/')
      .slice(1)
      .map((name) => Buffer.from(name).toString('latin1'));
    const name = names.pop() as string;
    let folder = root;
    for (const above of names) {
      const next = folder.folders.get(above) ?? { ...newRoot(), name: above };
      folder.folders.set(above, next);
      folder = next;
    }
    const { blobs, size } = await session.stream(content);
    const node = madeUpNode(name, S_IFREG);
    folder.nodes.set(name, encodeNode({ ...node, type: 'file', size, content: blobs as BlobId[] }));
  }
}

/** A folder above a stream that is not here. */
export function madeUpFolder(name: string, subtree: TreeId): string {
  return encodeNode({ ...madeUpNode(name, S_IFDIR), type: 'dir', subtree });
}

/** Of this process and this moment, as a file would be that was written here now. */
function madeUpNode(name: string, stMode: number): Omit<TreeNode, 'type'> {
  const now = formatDate(new Date());
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return {
    name: Buffer.from(name, 'latin1'),
    mode: goModeFromStMode(stMode),
    mtime: now,
    atime: now,
    ctime: now,
    uid,
    gid,
    user: userName(uid),
    group: groupName(gid),
  };
}
