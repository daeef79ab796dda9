// Snapshot files: JSON in the field order of restic's Snapshot struct. The id is the hash of the stored file and not in it.

import { AppError } from '#lib/errors.ts';
import type { Snapshot, SnapshotId } from '../types.ts';
import { jsonString } from './node-text.ts';
import { parseTime } from './time.ts';

const KNOWN_FIELDS =
  'time parent tree paths hostname username uid gid excludes tags original program_version summary'.split(
    ' ',
  ) as (keyof Omit<Snapshot, 'id'>)[];
/** restic always writes these; the others only when they are not empty (0, "" and [] count as empty). */
const ALWAYS = new Set<string>(['time', 'tree', 'paths']);

function goJson(value: unknown): string {
  if (typeof value === 'string') return jsonString(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return `{${fields.map(([key, field]) => `${jsonString(key)}:${goJson(field)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === '' || value === 0 || (Array.isArray(value) && !value.length)
  );
}

/** The plaintext of a snapshot file. Fields this version does not know, kept by decodeSnapshot(), are written last. */
export function encodeSnapshot(snapshot: Omit<Snapshot, 'id'>): Buffer {
  const fields: string[] = [];
  for (const key of KNOWN_FIELDS) {
    if (!ALWAYS.has(key) && isEmpty(snapshot[key])) continue;
    fields.push(`"${key}":${goJson(snapshot[key])}`);
  }
  for (const [key, value] of Object.entries(snapshot)) {
    if (key === 'id' || value === undefined || (KNOWN_FIELDS as string[]).includes(key)) continue;
    fields.push(`${jsonString(key)}:${goJson(value)}`);
  }
  return Buffer.from(`{${fields.join(',')}}`);
}

const ID = /^[0-9a-f]{64}$/;

/** Throws 'repository-damaged' for what cannot be used: no tree, no time. */
export function decodeSnapshot(id: SnapshotId, plaintext: Uint8Array): Snapshot {
  const bad = (what: string, cause?: unknown) =>
    new AppError('repository-damaged', { message: `Snapshot ${id.slice(0, 8)} ${what}.`, cause });
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString('utf8'));
  } catch (cause) {
    throw bad('is not JSON', cause);
  }
  if (typeof raw !== 'object' || raw === null) throw bad('is not a JSON object');
  if (typeof raw.tree !== 'string' || !ID.test(raw.tree)) throw bad('has no tree');
  if (typeof raw.time !== 'string') throw bad('has no time');
  try {
    parseTime(raw.time);
  } catch (cause) {
    throw bad(`has a time that cannot be read: ${raw.time.slice(0, 40)}`, cause);
  }
  const paths = Array.isArray(raw.paths) ? raw.paths.filter((path) => typeof path === 'string') : [];
  return { ...raw, id, paths } as unknown as Snapshot;
}
