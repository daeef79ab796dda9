// tar with PAX headers, written by hand: names stay the bytes they are, times keep their nanoseconds, sizes their
// full range, which packages that take names as strings and times as Dates cannot do. POSIX.1-2017, pax, "ustar
// Interchange Format" and "pax Header Block".

import { chmodBits } from '../format/mode.ts';
import type { TreeNode } from '../format/node.ts';
import { parseTime } from '../format/time.ts';

const BLOCK = 512;
const MAX_NAME = 100;
const MAX_OCTAL_SIZE = 0o77777777777;
const MAX_OCTAL_ID = 0o7777777;
const TYPE_FLAGS: Partial<Record<TreeNode['type'], string>> = {
  file: '0',
  symlink: '2',
  chardev: '3',
  dev: '4',
  dir: '5',
  fifo: '6',
};
const HARD_LINK = '1';
const PAX = 'x';

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0');
}

/** "<length> <key>=<value>\n", where the length counts itself. */
function paxRecord(key: string, value: Buffer | string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

interface HeaderFields {
  name: Buffer;
  flag: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  seconds: number;
  linkName: Buffer;
  user: string;
  group: string;
  device: bigint;
}

/** A user or group has 32 bytes, the last of them NUL. What is longer is cut between two characters. */
const MAX_OWNER = 31;

function nameField(name: string): Buffer {
  const bytes = Buffer.from(name);
  let end = Math.min(bytes.length, MAX_OWNER);
  // Bytes 10xxxxxx continue a character of UTF-8: RFC 3629, 3.
  while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}

function ustarHeader(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  fields.name.copy(block, 0, 0, MAX_NAME);
  block.write(octal(fields.mode, 8), 100);
  block.write(octal(fields.uid <= MAX_OCTAL_ID ? fields.uid : 0, 8), 108);
  block.write(octal(fields.gid <= MAX_OCTAL_ID ? fields.gid : 0, 8), 116);
  block.write(octal(fields.size <= MAX_OCTAL_SIZE ? fields.size : 0, 12), 124);
  block.write(octal(Math.min(Math.max(0, fields.seconds), MAX_OCTAL_SIZE), 12), 136);
  block.write(' '.repeat(8), 148);
  block.write(fields.flag, 156);
  fields.linkName.copy(block, 157, 0, MAX_NAME);
  block.write('ustar\x0000', 257, 'latin1');
  nameField(fields.user).copy(block, 265);
  nameField(fields.group).copy(block, 297);
  // Linux' split of st_rdev: glibc, sys/sysmacros.h.
  block.write(octal(Number((fields.device >> 8n) & 0xfffn), 8), 329);
  block.write(octal(Number((fields.device & 0xffn) | ((fields.device >> 12n) & 0xfff00n)), 8), 337);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\x00 `, 148, 'latin1');
  return block;
}

/** Zeros that fill the last block of a body. */
export function tarPadding(length: number): Buffer {
  return Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);

export function tarCanHold(node: TreeNode): boolean {
  return TYPE_FLAGS[node.type] !== undefined;
}

/** Headers of an entry. `size` is that of the body that follows, 0 for a hard link to `linkTo`. */
export function tarHeader(node: TreeNode, path: Buffer, size: number, linkTo?: Buffer): Buffer {
  const name = node.type === 'dir' ? Buffer.concat([path, Buffer.from('/')]) : path;
  const linkName = linkTo ?? node.linkTarget ?? Buffer.alloc(0);
  const ns = parseTime(node.mtime);
  const seconds = ns / 1_000_000_000n - (ns % 1_000_000_000n < 0n ? 1n : 0n);
  const nanos = ns - seconds * 1_000_000_000n;
  const records: Buffer[] = [];
  const plain = (text: Buffer) => text.length <= MAX_NAME && text.every((byte) => byte < 0x80);
  if (!plain(name)) records.push(paxRecord('path', name));
  if (!plain(linkName)) records.push(paxRecord('linkpath', linkName));
  if (size > MAX_OCTAL_SIZE) records.push(paxRecord('size', String(size)));
  if (node.uid > MAX_OCTAL_ID) records.push(paxRecord('uid', String(node.uid)));
  if (node.gid > MAX_OCTAL_ID) records.push(paxRecord('gid', String(node.gid)));
  if (nanos !== 0n || seconds < 0n) records.push(paxRecord('mtime', paxTime(ns)));
  for (const { name: key, value } of node.extendedAttributes ?? []) {
    // GNU tar's and star's key for extended attributes.
    records.push(paxRecord(`SCHILY.xattr.${key}`, Buffer.from(value ?? '', 'base64')));
  }
  const fields: HeaderFields = {
    name,
    flag: linkTo ? HARD_LINK : (TYPE_FLAGS[node.type] as string),
    mode: chmodBits(node.mode),
    uid: node.uid,
    gid: node.gid,
    size,
    seconds: Number(seconds),
    linkName,
    user: node.user ?? '',
    group: node.group ?? '',
    device: node.device ?? 0n,
  };
  if (records.length === 0) return ustarHeader(fields);
  const body = Buffer.concat(records);
  const paxName = Buffer.from('PaxHeader');
  const pax = ustarHeader({
    ...fields,
    name: paxName,
    flag: PAX,
    mode: 0o644,
    size: body.length,
    linkName: Buffer.alloc(0),
  });
  return Buffer.concat([pax, body, tarPadding(body.length), ustarHeader(fields)]);
}

function paxTime(ns: bigint): string {
  const sign = ns < 0n ? '-' : '';
  const absolute = ns < 0n ? -ns : ns;
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${absolute / 1_000_000_000n}${fraction && `.${fraction}`}`;
}
