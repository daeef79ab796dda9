// restic stores modes as Go's os.FileMode bits, not as st_mode (Go source, io/fs/fs.go; os/stat_linux.go).

import { constants } from 'node:fs';
import type { NodeType } from '../types.ts';

const GO_DIR = 2 ** 31;
const GO_SYMLINK = 1 << 27;
const GO_DEVICE = 1 << 26;
const GO_FIFO = 1 << 25;
const GO_SOCKET = 1 << 24;
const GO_SETUID = 1 << 23;
const GO_SETGID = 1 << 22;
const GO_CHAR_DEVICE = 1 << 21;
const GO_STICKY = 1 << 20;
const GO_IRREGULAR = 1 << 19;

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } = constants;
const SETUID = 0o4000;
const SETGID = 0o2000;
const STICKY = 0o1000;
const PERMISSIONS = 0o777;

const TYPES: Record<NodeType, { st: number; go: number; letter: string }> = {
  file: { st: S_IFREG, go: 0, letter: '-' },
  dir: { st: S_IFDIR, go: GO_DIR, letter: 'd' },
  symlink: { st: S_IFLNK, go: GO_SYMLINK, letter: 'l' },
  dev: { st: S_IFBLK, go: GO_DEVICE, letter: 'b' },
  chardev: { st: S_IFCHR, go: GO_DEVICE + GO_CHAR_DEVICE, letter: 'c' },
  fifo: { st: S_IFIFO, go: GO_FIFO, letter: 'p' },
  socket: { st: S_IFSOCK, go: GO_SOCKET, letter: 's' },
  irregular: { st: 0, go: GO_IRREGULAR, letter: '?' },
};

const TYPE_OF_ST = new Map(
  Object.entries(TYPES).flatMap(([type, { st }]) => (st === 0 ? [] : [[st, type as NodeType] as const])),
);

/** Node type for a st_mode; 'irregular' for what none of the types names. */
export function nodeTypeFromStMode(stMode: number): NodeType {
  return TYPE_OF_ST.get(stMode & S_IFMT) ?? 'irregular';
}

/** Go FileMode for a st_mode. A number above 2^31 for folders: never use signed bit operators on it. */
export function goModeFromStMode(stMode: number): number {
  let mode = (stMode & PERMISSIONS) + TYPES[nodeTypeFromStMode(stMode)].go;
  if (stMode & SETUID) mode += GO_SETUID;
  if (stMode & SETGID) mode += GO_SETGID;
  if (stMode & STICKY) mode += GO_STICKY;
  return mode;
}

/** Permission bits with setuid, setgid and sticky, as chmod() takes them. */
export function chmodBits(goMode: number): number {
  let bits = goMode & PERMISSIONS;
  if (goMode & GO_SETUID) bits |= SETUID;
  if (goMode & GO_SETGID) bits |= SETGID;
  if (goMode & GO_STICKY) bits |= STICKY;
  return bits;
}

/** st_mode for a node: the type comes from the node, the rest from its Go FileMode. */
export function stModeFromNode(type: NodeType, goMode: number): number {
  return TYPES[type].st | chmodBits(goMode);
}

function triplet(bits: number, special: boolean, letter: string): string {
  const execute = bits & 1 ? (special ? letter : 'x') : special ? letter.toUpperCase() : '-';
  return (bits & 4 ? 'r' : '-') + (bits & 2 ? 'w' : '-') + execute;
}

/** The ten characters of `ls -l`. */
export function modeText(type: NodeType, goMode: number): string {
  const bits = chmodBits(goMode);
  return (
    TYPES[type].letter +
    triplet((bits >> 6) & 7, (bits & SETUID) !== 0, 's') +
    triplet((bits >> 3) & 7, (bits & SETGID) !== 0, 's') +
    triplet(bits & 7, (bits & STICKY) !== 0, 't')
  );
}
