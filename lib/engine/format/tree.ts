// Tree blobs: {"nodes":[...]} and a newline, nodes strictly ascending by the raw bytes of their names. Reading goes
// node by node, so that a folder of a million entries (a tree blob of several hundred megabytes) needs memory for one.

import { AppError } from '#lib/errors.ts';
import { decodeNode, encodeNode, nameProblem, type TreeNode } from './node.ts';
import { pathTextFromBytes } from './path-text.ts';

/**
 * The tree blob of a folder. Sorts where needed (a copy); refuses bad and duplicate names, which restic's check would
 * let pass but restores and comparisons stumble over.
 */
export function encodeTree(nodes: readonly TreeNode[]): Buffer {
  const sorted = isSorted(nodes) ? nodes : nodes.toSorted((a, b) => Buffer.compare(a.name, b.name));
  for (let i = 1; i < sorted.length; i++) {
    const name = (sorted[i] as TreeNode).name;
    if ((sorted[i - 1] as TreeNode).name.equals(name)) {
      throw new AppError('internal', `A folder has two entries named "${pathTextFromBytes(name)}"; it is not written.`);
    }
  }
  // Joined in slices: one string of a million nodes could exceed V8's longest string (512 MiB).
  const parts: Buffer[] = [];
  let text = '{"nodes":[';
  for (let i = 0; i < sorted.length; i++) {
    text += (i === 0 ? '' : ',') + encodeNode(sorted[i] as TreeNode);
    if (text.length > TEXT_SLICE) {
      parts.push(Buffer.from(text));
      text = '';
    }
  }
  const last = Buffer.from(`${text}]}\n`);
  return parts.length === 0 ? last : Buffer.concat([...parts, last]);
}

const TEXT_SLICE = 1 << 20;

function isSorted(nodes: readonly TreeNode[]): boolean {
  for (let i = 1; i < nodes.length; i++) {
    if (Buffer.compare((nodes[i - 1] as TreeNode).name, (nodes[i] as TreeNode).name) >= 0) return false;
  }
  return true;
}

/** Every node of a tree blob, in stored order, names not judged. Throws 'repository-damaged' where it is not a tree. */
export function* iterateTree(blob: Buffer): Generator<TreeNode> {
  for (const [from, to] of nodeRanges(blob)) yield decodeNode(blob.toString('utf8', from, to));
}

export interface TreeProblem {
  /** Undefined when the problem is the folder's, not one entry's. */
  name?: Buffer;
  message: string;
}

/**
 * As iterateTree(), for those that restore or show: entries with hostile names and second entries of a name are
 * left out and reported. Unsorted trees are reported once and yielded as stored.
 */
export function* safeNodes(blob: Buffer, onProblem: (problem: TreeProblem) => void): Generator<TreeNode> {
  let previous: Buffer | undefined;
  let unsorted: Set<string> | undefined;
  let stored = 0;
  for (const node of iterateTree(blob)) {
    stored += 1;
    const problem = nameProblem(node.name);
    if (problem) {
      onProblem({ name: node.name, message: `The name ${problem}; the entry is left out.` });
      continue;
    }
    const order = previous ? Buffer.compare(previous, node.name) : -1;
    if (order > 0 && !unsorted) {
      onProblem({ message: 'The entries of this folder are not sorted by name.' });
      unsorted = firstNames(blob, stored - 1);
    }
    const key = unsorted ? node.name.toString('latin1') : '';
    if (order === 0 || unsorted?.has(key)) {
      onProblem({ name: node.name, message: 'A second entry of the same name is left out.' });
      continue;
    }
    unsorted?.add(key);
    previous = node.name;
    yield node;
  }
}

/** The first `count` names, read again only for the rare unsorted tree. */
function firstNames(blob: Buffer, count: number): Set<string> {
  const names = new Set<string>();
  let left = count;
  for (const { name } of iterateTree(blob)) {
    if (left === 0) break;
    left -= 1;
    names.add(name.toString('latin1'));
  }
  return names;
}

/** All nodes of a tree blob. Strict: a bad name, a wrong order or a duplicate throws 'repository-damaged'. */
export function decodeTree(blob: Buffer): TreeNode[] {
  return Array.from(
    safeNodes(blob, ({ name, message }) => {
      const which = name ? `The entry "${pathTextFromBytes(name)}" of a tree: ` : 'A tree: ';
      throw new AppError('repository-damaged', which + message);
    }),
  );
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function notATree(at: number): AppError {
  return new AppError('repository-damaged', `A tree is not the JSON it should be (at byte ${at}).`);
}

function skipSpace(blob: Buffer, from: number): number {
  let at = from;
  while (at < blob.length && (blob[at] as number) <= 0x20) at += 1;
  return at;
}

function endOfString(blob: Buffer, from: number): number {
  for (let at = from + 1; at < blob.length; at++) {
    const byte = blob[at];
    if (byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) return at + 1;
  }
  throw notATree(from);
}

/** End of the JSON value that starts at `from`. Balances brackets only: what is inside is for JSON.parse to judge. */
function endOfValue(blob: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < blob.length; ) {
    const byte = blob[at] as number;
    if (byte === QUOTE) {
      at = endOfString(blob, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return at;
    at += 1;
  }
  throw notATree(from);
}

function* nodeRanges(blob: Buffer): Generator<[from: number, to: number]> {
  let at = skipSpace(blob, 0);
  if (blob[at] !== OPEN_BRACE) throw notATree(at);
  at = skipSpace(blob, at + 1);
  let found = false;
  while (blob[at] !== CLOSE_BRACE) {
    if (blob[at] !== QUOTE) throw notATree(at);
    const keyEnd = endOfString(blob, at);
    const key = blob.toString('latin1', at + 1, keyEnd - 1);
    at = skipSpace(blob, keyEnd);
    if (blob[at] !== COLON) throw notATree(at);
    at = skipSpace(blob, at + 1);
    if (key === 'nodes' && blob[at] === OPEN_BRACKET) {
      found = true;
      at = skipSpace(blob, at + 1);
      while (blob[at] !== CLOSE_BRACKET) {
        if (blob[at] !== OPEN_BRACE) throw notATree(at);
        const end = endOfValue(blob, at);
        yield [at, end];
        at = skipSpace(blob, end);
        if (blob[at] === COMMA) at = skipSpace(blob, at + 1);
        else if (blob[at] !== CLOSE_BRACKET) throw notATree(at);
      }
      at = skipSpace(blob, at + 1);
    } else {
      // "nodes":null is how Go writes an empty folder whose list was never made.
      if (key === 'nodes') found = true;
      at = skipSpace(blob, endOfValue(blob, at));
    }
    if (blob[at] === COMMA) at = skipSpace(blob, at + 1);
    else if (blob[at] !== CLOSE_BRACE) throw notATree(at);
  }
  if (!found) throw notATree(at);
}
