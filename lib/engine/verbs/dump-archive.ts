// A folder, or several entries, of a snapshot as one tar or zip stream. Pulled by its reader: nothing is loaded faster
// than it is taken, and only the blobs ahead of the reader are held.

import { Readable } from 'node:stream';
import ZipStream from 'zip-stream';
import { AppError } from '#lib/errors.ts';
import { stModeFromNode } from '../format/mode.ts';
import type { TreeNode } from '../format/node.ts';
import { bytesFromPathText, pathTextFromBytes } from '../format/path-text.ts';
import { parseTime } from '../format/time.ts';
import type { Repository } from '../repository/repository.ts';
import { linkGroupOf } from '../restore/plan-items.ts';
import type { PathText, Problem, SnapshotId, TreeId } from '../types.ts';
import { openFile } from './dump.ts';
import { TAR_END, tarCanHold, tarHeader, tarPadding } from './dump-tar.ts';
import { findNode, knowBlob, walkTree } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

export interface DumpArchiveOptions {
  format: 'tar' | 'zip';
  /** Told about entries that the archive lacks. Without it the first one ends the stream with an error. */
  onProblem?: (problem: Problem) => void;
  /** Asked once, after the last entry: a text for whoever unpacks the archive, which ends with it. */
  closing?: () => ClosingText | undefined;
  signal?: AbortSignal;
}

export interface ClosingText {
  /** One path component. */
  name: PathText;
  text: string;
  /** RFC 3339. */
  time: string;
}

interface ArchiveEntry {
  node: TreeNode;
  /** Path in the snapshot. */
  path: PathText;
  /** Path in the archive: relative, without a leading slash. */
  name: PathText;
}

/** Checks that every path exists, then streams. Names in the archive start at the last component of each path. */
export async function dumpArchive(
  repo: Repository,
  snapshot: SnapshotId,
  paths: readonly PathText[],
  options: DumpArchiveOptions,
): Promise<Readable> {
  const { tree } = await loadSnapshot(repo, snapshot, options.signal);
  await knowBlob(repo, 'tree', tree, options.signal);
  const roots: { node: TreeNode | undefined; path: PathText }[] = [];
  for (const path of paths) roots.push({ node: await findNode(repo, tree, path, options.signal), path });
  let done = false;
  // What is still being loaded when the reader goes away fails, which is nobody's problem any more.
  const onProblem = options.onProblem && ((problem: Problem) => done || options.onProblem?.(problem));
  const lenient = { ...options, onProblem };
  const entries = archiveEntries(repo, tree, roots, lenient);
  const stream =
    options.format === 'tar' ? Readable.from(tarStream(repo, entries, lenient)) : zipStream(repo, entries, lenient);
  stream.once('close', () => {
    done = true;
  });
  return stream;
}

async function* archiveEntries(
  repo: Repository,
  tree: TreeId,
  roots: readonly { node: TreeNode | undefined; path: PathText }[],
  { onProblem, signal }: DumpArchiveOptions,
): AsyncGenerator<ArchiveEntry> {
  for (const { node, path } of roots) {
    if (!node) {
      for await (const walked of walkTree(repo, tree, { onProblem, signal })) {
        yield { ...walked, name: walked.path.slice(1) };
      }
      continue;
    }
    const parent = path.replace(/\/+$/, '').lastIndexOf('/') + 1;
    yield { node, path, name: pathTextFromBytes(node.name) };
    if (node.type !== 'dir' || !node.subtree) continue;
    const folder = path.replace(/\/+$/, '');
    for await (const walked of walkTree(repo, node.subtree, { path: folder, onProblem, signal })) {
      yield { ...walked, name: walked.path.slice(parent) };
    }
  }
}

function skip({ path, node }: ArchiveEntry, options: DumpArchiveOptions, message: string, cause?: unknown): void {
  if (!options.onProblem) throw cause ?? new AppError('unsupported', `"${path}" (${node.type}): ${message}`);
  options.onProblem({ path, during: cause ? 'read' : 'unsupported', message });
}

async function* tarStream(
  repo: Repository,
  entries: AsyncIterable<ArchiveEntry>,
  options: DumpArchiveOptions,
): AsyncGenerator<Buffer> {
  const firstNames = new Map<string, Buffer>();
  for await (const entry of entries) {
    const { node } = entry;
    const name = bytesFromPathText(entry.name);
    if (!tarCanHold(node)) {
      skip(entry, options, `A ${node.type} cannot be put into a tar.`);
      continue;
    }
    if (node.type !== 'file') {
      yield tarHeader(node, name, 0);
      continue;
    }
    const linkKey = linkGroupOf(node);
    const first = linkKey && firstNames.get(linkKey);
    if (first) {
      yield tarHeader(node, name, 0, first);
      continue;
    }
    let file: Awaited<ReturnType<typeof openFile>>;
    try {
      file = await openFile(repo, node, { signal: options.signal });
    } catch (error) {
      skip(entry, options, (error as Error).message, error);
      continue;
    }
    // The size is in the header: once it is out, a blob that cannot be read can only end the stream.
    yield tarHeader(node, name, file.size);
    yield* file.content;
    yield tarPadding(file.size);
    if (linkKey) firstNames.set(linkKey, name);
  }
  const closing = options.closing?.();
  if (closing) {
    const body = Buffer.from(closing.text);
    yield tarHeader(closingNode(closing), bytesFromPathText(closing.name), body.length);
    yield body;
    yield tarPadding(body.length);
  }
  yield TAR_END;
}

function closingNode({ name, time }: ClosingText): TreeNode {
  const times = { mtime: time, atime: time, ctime: time };
  return { name: bytesFromPathText(name), type: 'file', mode: 0o644, ...times, uid: 0, gid: 0, content: [] };
}

/** Most of what is backed up gains little from a higher one, and the reader waits. */
const ZIP_LEVEL = 1;
/** Earliest time a zip can hold. */
const ZIP_EPOCH = Date.UTC(1980, 0, 1);

function zipStream(repo: Repository, entries: AsyncIterable<ArchiveEntry>, options: DumpArchiveOptions): Readable {
  const zip = new ZipStream({ zlib: { level: ZIP_LEVEL } });
  // It is filled before its reader listens, and an error that nobody hears ends the process. It is not lost: a reader
  // that comes later, whether a pipeline or an iterator, gets the error of the destroyed stream.
  zip.on('error', () => {});
  // A reader that goes away closes the zip, which then never calls back.
  let abandon: ((error: Error) => void) | undefined;
  zip.once('close', () => abandon?.(new AppError('cancelled', 'The reader of the archive went away.')));
  const add = (source: Buffer | Readable, data: Record<string, unknown>) =>
    new Promise<void>((resolve, reject) => {
      abandon = reject;
      if (zip.destroyed) reject(new AppError('cancelled', 'The reader of the archive went away.'));
      if (source instanceof Readable) source.once('error', reject);
      zip.entry(source, data, (error) => (error ? reject(error) : resolve()));
    });
  const fill = async () => {
    for await (const entry of entries) {
      if (zip.destroyed) return;
      const { node } = entry;
      // Zip readers take a backslash for a folder separator, and zip-stream writes it as one.
      const name = entry.name.replaceAll('\\', '%5C');
      const date = new Date(Math.max(ZIP_EPOCH, Number(parseTime(node.mtime) / 1_000_000n)));
      const data = { name, date, mode: stModeFromNode(node.type, node.mode) };
      if (node.type === 'dir') await add(Buffer.alloc(0), { ...data, type: 'directory' });
      else if (node.type === 'symlink') {
        const linkname = node.linkTarget ? pathTextFromBytes(node.linkTarget) : '';
        await add(Buffer.alloc(0), { ...data, type: 'symlink', linkname });
      } else if (node.type !== 'file') skip(entry, options, `A ${node.type} cannot be put into a zip.`);
      else {
        let content: AsyncGenerator<Buffer>;
        try {
          content = (await openFile(repo, node, { signal: options.signal })).content;
        } catch (error) {
          skip(entry, options, (error as Error).message, error);
          continue;
        }
        await add(Readable.from(content), { ...data, type: 'file' });
      }
    }
    const closing = options.closing?.();
    if (closing)
      await add(Buffer.from(closing.text), { name: closing.name, date: new Date(closing.time), mode: 0o644 });
    zip.finalize();
  };
  fill().catch((error) => zip.destroy(error));
  return zip;
}
