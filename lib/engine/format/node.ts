// One entry of a tree blob, and its JSON exactly as restic writes it: fields in the order of restic's Node struct,
// the omitempty rules of each, unknown fields kept and written back last. 64-bit numbers are bigints: an inode above
// 2^53 (overlay and network file systems have them) must survive decode and encode.

import type { BigIntStats } from 'node:fs';
import { AppError } from '#lib/errors.ts';
import type { BlobId, NodeType, TreeId } from '../types.ts';
import { goModeFromStMode, nodeTypeFromStMode } from './mode.ts';
import { groupName, userName } from './node-owners.ts';
import { isUtf8, jsonNodeName, jsonString, jsonStringFromBytes, nodeNameBytes } from './node-text.ts';
import { formatTime, ZERO_TIME } from './time.ts';

export interface ExtendedAttribute {
  name: string;
  /** Base64; null for an empty value, as Go marshals a nil slice. */
  value: string | null;
}

export interface TreeNode {
  /** Raw bytes of one path component. */
  name: Buffer;
  type: NodeType;
  /** Go FileMode bits: mode.ts. */
  mode: number;
  /** RFC 3339 as stored: time.ts. */
  mtime: string;
  atime: string;
  ctime: string;
  uid: number;
  gid: number;
  user?: string;
  group?: string;
  inode?: bigint;
  /** st_dev. */
  deviceId?: bigint;
  size?: number;
  links?: number;
  linkTarget?: Buffer;
  extendedAttributes?: readonly ExtendedAttribute[];
  genericAttributes?: Record<string, unknown>;
  /** st_rdev of a device node. */
  device?: bigint;
  /** Files only, and there mandatory. */
  content?: readonly BlobId[];
  /** Folders only, and there mandatory. */
  subtree?: TreeId;
  /** Written by very old restic versions. */
  error?: string;
  /** Fields this version does not know. */
  unknown?: ReadonlyMap<string, unknown>;
}

const SLASH = 0x2f;

/** Why a name must neither be written nor restored; undefined for a good one. */
export function nameProblem(name: Buffer): string | undefined {
  if (name.length === 0) return 'is empty';
  if (name.includes(SLASH)) return 'contains a slash';
  if (name.includes(0)) return 'contains a NUL byte';
  const first = name[0];
  if (first === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) return 'is "." or ".."';
  return undefined;
}

/** JSON of one node. Throws 'internal' for a node that must not be written. */
export function encodeNode(node: TreeNode): string {
  const problem = nameProblem(node.name);
  if (problem) throw new AppError('internal', `A node named ${jsonNodeName(node.name)} ${problem}; it is not written.`);
  let json = `{"name":${jsonNodeName(node.name)},"type":"${node.type}"`;
  if (node.mode !== 0) json += `,"mode":${node.mode}`;
  json += `,"mtime":"${node.mtime}","atime":"${node.atime}","ctime":"${node.ctime}","uid":${node.uid},"gid":${node.gid}`;
  if (node.user) json += `,"user":${jsonString(node.user)}`;
  if (node.group) json += `,"group":${jsonString(node.group)}`;
  if (node.inode) json += `,"inode":${node.inode}`;
  if (node.deviceId) json += `,"device_id":${node.deviceId}`;
  if (node.size) json += `,"size":${node.size}`;
  if (node.links) json += `,"links":${node.links}`;
  if (node.linkTarget?.length) {
    json += `,"linktarget":${jsonStringFromBytes(node.linkTarget)}`;
    if (!isUtf8(node.linkTarget)) json += `,"linktarget_raw":"${node.linkTarget.toString('base64')}"`;
  }
  if (node.extendedAttributes?.length) {
    const attributes = node.extendedAttributes.map(
      ({ name, value }) => `{"name":${jsonString(name)},"value":${value === null ? 'null' : `"${value}"`}}`,
    );
    json += `,"extended_attributes":[${attributes.join(',')}]`;
  }
  if (node.genericAttributes && Object.keys(node.genericAttributes).length > 0) {
    json += `,"generic_attributes":${sortedJson(node.genericAttributes)}`;
  }
  if (node.device) json += `,"device":${node.device}`;
  json += `,"content":${contentJson(node)}`;
  if (node.type === 'dir' && !node.subtree) {
    throw new AppError('internal', `The folder node ${jsonNodeName(node.name)} has no subtree; it is not written.`);
  }
  if (node.subtree) json += `,"subtree":"${node.subtree}"`;
  if (node.error) json += `,"error":${jsonString(node.error)}`;
  for (const [key, value] of node.unknown ?? []) json += `,${jsonString(key)}:${htmlSafe(JSON.stringify(value))}`;
  return `${json}}`;
}

function contentJson(node: TreeNode): string {
  if (node.content) return node.content.length === 0 ? '[]' : `["${node.content.join('","')}"]`;
  if (node.type === 'file') {
    throw new AppError('internal', `The file node ${jsonNodeName(node.name)} has no content list; it is not written.`);
  }
  return 'null';
}

/** encoding/json escapes these inside raw messages too. */
function htmlSafe(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Go writes maps sorted by key. */
function sortedJson(map: Record<string, unknown>): string {
  const keys = Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${keys.map((key) => `${jsonString(key)}:${htmlSafe(JSON.stringify(map[key]))}`).join(',')}}`;
}

const NODE_TYPES = new Set<string>(['file', 'dir', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'irregular']);
const KNOWN_FIELDS = new Set(
  (
    'name type mode mtime atime ctime uid gid user group inode device_id size links linktarget linktarget_raw ' +
    'extended_attributes generic_attributes device content subtree error'
  ).split(' '),
);
const ID = /^[0-9a-f]{64}$/;
/** A number that a double may not hold. May match inside a string as well, which only costs the slower parse. */
const LONG_NUMBER = /:\s*-?\d{16}/;

type RawNode = Record<string, unknown>;
type ReviverContext = { source?: string };
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;

/** JSON.parse that turns integers beyond 2^53 into bigints, or into raw JSON where the field is not ours. */
function parseExact(json: string): RawNode {
  // The source text is given to revivers since V8 11.4 (Node 22); TypeScript's library does not know it yet.
  const reviver = ((key: string, value: unknown, context: ReviverContext) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value) || !context.source) return value;
    if (!/^-?\d+$/.test(context.source)) return value;
    return KNOWN_FIELDS.has(key) ? BigInt(context.source) : rawJson(context.source);
  }) as (key: string, value: unknown) => unknown;
  return JSON.parse(json, reviver) as RawNode;
}

/** One node from its JSON. Throws 'repository-damaged'. The name is not judged: nameProblem(). */
export function decodeNode(json: string): TreeNode {
  let raw: RawNode;
  try {
    raw = LONG_NUMBER.test(json) ? parseExact(json) : (JSON.parse(json) as RawNode);
  } catch (cause) {
    throw new AppError('repository-damaged', { message: 'A tree holds a node that is not JSON.', cause });
  }
  if (typeof raw !== 'object' || raw === null || typeof raw.name !== 'string') {
    throw new AppError('repository-damaged', 'A tree holds a node without a name.');
  }
  const node: TreeNode = {
    name: nodeNameBytes(raw.name),
    type: raw.type as NodeType,
    mode: number(raw, 'mode') ?? 0,
    mtime: string(raw, 'mtime') ?? ZERO_TIME,
    atime: string(raw, 'atime') ?? ZERO_TIME,
    ctime: string(raw, 'ctime') ?? ZERO_TIME,
    uid: number(raw, 'uid') ?? 0,
    gid: number(raw, 'gid') ?? 0,
    user: string(raw, 'user'),
    group: string(raw, 'group'),
    inode: integer(raw, 'inode'),
    deviceId: integer(raw, 'device_id'),
    size: number(raw, 'size'),
    links: number(raw, 'links'),
    linkTarget: linkTarget(raw),
    extendedAttributes: (raw.extended_attributes as ExtendedAttribute[] | null) ?? undefined,
    genericAttributes: (raw.generic_attributes as Record<string, unknown> | null) ?? undefined,
    device: integer(raw, 'device'),
    content: content(raw),
    subtree: string(raw, 'subtree') as TreeId | undefined,
    error: string(raw, 'error'),
    unknown: undefined,
  };
  if (!NODE_TYPES.has(node.type)) throw damaged(raw, 'type');
  if (node.subtree !== undefined && !ID.test(node.subtree)) throw damaged(raw, 'subtree');
  for (const key in raw) {
    if (KNOWN_FIELDS.has(key)) continue;
    node.unknown ??= new Map();
    (node.unknown as Map<string, unknown>).set(key, raw[key]);
  }
  return node;
}

function damaged(raw: RawNode, field: string): AppError {
  const value = typeof raw[field] === 'bigint' ? String(raw[field]) : JSON.stringify(raw[field]);
  return new AppError(
    'repository-damaged',
    `The node ${JSON.stringify(raw.name)} of a tree has a bad ${field}: ${value?.slice(0, 80)}.`,
  );
}

function string(raw: RawNode, field: string): string | undefined {
  const value = raw[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw damaged(raw, field);
  return value;
}

function number(raw: RawNode, field: string): number | undefined {
  const value = raw[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw damaged(raw, field);
  return value;
}

function integer(raw: RawNode, field: string): bigint | undefined {
  const value = raw[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged(raw, field);
  return BigInt(value);
}

function linkTarget(raw: RawNode): Buffer | undefined {
  const bytes = string(raw, 'linktarget_raw');
  if (bytes) return Buffer.from(bytes, 'base64');
  const text = string(raw, 'linktarget');
  return text === undefined ? undefined : Buffer.from(text);
}

function content(raw: RawNode): BlobId[] | undefined {
  const ids = raw.content;
  if (ids === undefined || ids === null) return undefined;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string' && ID.test(id))) throw damaged(raw, 'content');
  return ids as BlobId[];
}

export interface NodeExtras {
  /** Of a symlink, as readlink gives it in bytes. */
  linkTarget?: Buffer;
  extendedAttributes?: readonly ExtendedAttribute[];
  /** Store st_atime; otherwise atime is mtime, as restic does without --with-atime. */
  withAtime?: boolean;
}

const HAS_LINKS = new Set<NodeType>(['file', 'symlink', 'dev', 'chardev']);

/** A node as restic makes it from lstat. The caller sets `content` of a file and `subtree` of a folder. */
export function nodeFromStat(name: Buffer, stat: BigIntStats, extra: NodeExtras = {}): TreeNode {
  const stMode = Number(stat.mode);
  const type = nodeTypeFromStMode(stMode);
  const uid = Number(stat.uid);
  const gid = Number(stat.gid);
  const mtime = formatTime(stat.mtimeNs);
  return {
    name,
    type,
    mode: goModeFromStMode(stMode),
    mtime,
    atime: extra.withAtime ? formatTime(stat.atimeNs) : mtime,
    ctime: stat.ctimeNs === stat.mtimeNs ? mtime : formatTime(stat.ctimeNs),
    uid,
    gid,
    user: userName(uid),
    group: groupName(gid),
    inode: stat.ino,
    deviceId: stat.dev,
    size: type === 'file' ? Number(stat.size) : undefined,
    links: HAS_LINKS.has(type) ? Number(stat.nlink) : undefined,
    linkTarget: type === 'symlink' ? extra.linkTarget : undefined,
    extendedAttributes: extra.extendedAttributes,
    genericAttributes: undefined,
    device: type === 'dev' || type === 'chardev' ? stat.rdev : undefined,
    content: undefined,
    subtree: undefined,
    error: undefined,
    unknown: undefined,
  };
}
