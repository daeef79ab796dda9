// Snapshots that no honest writer makes: trees are given as text and written as they are, sealed and indexed properly.

import { hash } from 'node:crypto';
import { Envelope } from '../crypto/envelope.ts';
import { encodeIndexFile } from '../format/index-file.ts';
import { encodeHeader, type PackEntry } from '../format/pack.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import type { PackId, SnapshotId } from '../types.ts';

export function blobId(content: string): string {
  return hash('sha256', Buffer.from(content), 'hex');
}

async function savePack(repo: Repository, type: 'data' | 'tree', contents: readonly string[]): Promise<void> {
  const envelope = new Envelope(repo.masterKey);
  const sealed = contents.map((content) => envelope.seal(Buffer.from(content)));
  let offset = 0;
  const blobs: PackEntry[] = contents.map((content, i) => {
    const length = (sealed[i] as Buffer).length;
    offset += length;
    return { type, id: blobId(content), offset: offset - length, length };
  });
  const header = envelope.seal(encodeHeader(blobs));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const pack = Buffer.concat([...sealed, header, length]);
  const id = hash('sha256', pack, 'hex') as PackId;
  await repo.store.put(fileName('pack', id), [pack]);
  await repo.saveUnpacked('index', encodeIndexFile([{ id, blobs }]));
}

/** The last tree is the root. */
export async function craftSnapshot(
  repo: Repository,
  trees: readonly string[],
  data: readonly string[],
): Promise<SnapshotId> {
  await savePack(repo, 'tree', trees);
  await savePack(repo, 'data', data);
  const tree = blobId(trees.at(-1) as string);
  const snapshot = { time: '2026-01-01T00:00:00Z', tree, paths: ['/crafted'], hostname: 'crafted' };
  return repo.saveUnpacked('snapshot', Buffer.from(JSON.stringify(snapshot)));
}

export interface CraftedNode {
  name: string;
  type?: string;
  content?: readonly string[] | null;
  subtree?: string;
  linktarget?: string;
  size?: number;
  links?: number;
  inode?: number;
  mtime?: string;
  group?: string;
}

export function craftTree(nodes: readonly CraftedNode[]): string {
  const time = '2026-01-01T00:00:00Z';
  const full = nodes.map((node) => ({
    type: node.subtree ? 'dir' : 'file',
    mode: 0o644,
    mtime: time,
    atime: time,
    ctime: time,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    content: node.subtree || node.linktarget ? null : [],
    ...node,
  }));
  return `${JSON.stringify({ nodes: full })}\n`;
}
