// Backs up folders and files of this machine into a repository. Life of a run: lock, parent snapshot, index (in this
// order: whatever the parent needs is in the index), then threads walk and store, then packs -> index -> snapshot.

import { hash } from 'node:crypto';
import { AppError, throwIfCancelled } from '#lib/errors.ts';
import { encodeNode, nodeFromStat, type TreeNode } from '../format/node.ts';
import { formatDate } from '../format/time.ts';
import { decodeTree } from '../format/tree.ts';
import type { HeldLock } from '../repository/lock.ts';
import { processOwner } from '../repository/process-owner.ts';
import type { Repository } from '../repository/repository.ts';
import type {
  BackupOptions,
  BackupProgress,
  BackupResult,
  Problem,
  SelectionRules,
  Snapshot,
  SnapshotId,
  StoredResult,
  StoringOptions,
  TreeId,
} from '../types.ts';
import { listFolder } from '../walk/list-folder.ts';
import { treeFromNodeTexts } from '../walk/tree-text.ts';
import { ProblemList, progressOf, summaryOf, UNREADABLE } from './backup-report.ts';
import { BackupSession } from './backup-session.ts';
import { addSources, findSources, newRoot, type Source, type UpperFolder } from './backup-sources.ts';
import { checkStreams, madeUpFolder, storeStreams } from './backup-streams.ts';
import { BackupWriter, DryWriter } from './backup-writer.ts';
import { listSnapshots, loadSnapshot } from './snapshots.ts';

/** About five times a second, as promised in BackupOptions. */
const PROGRESS_MS = 200;

/**
 * Throws 'invalid-input', 'not-found' or 'permission-denied' for the sources, 'repository-locked', 'cancelled', and
 * errors of the store. In all these cases there is no snapshot, and what was stored is found again by the next run.
 */
export function backup(repo: Repository, options: StoringOptions): Promise<StoredResult>;
export function backup(repo: Repository, options: BackupOptions): Promise<BackupResult>;
export async function backup(repo: Repository, options: BackupOptions): Promise<BackupResult> {
  const started = new Date();
  const problems = new ProblemList(options.onProblem);
  const { streams = [] } = options;
  if (options.paths.length + streams.length === 0) {
    throw new AppError('invalid-input', 'No folder or file to back up was given.');
  }
  const sources = findSources(options.paths, (problem) => problems.add(problem));
  checkStreams(streams, sources);
  throwIfCancelled(options.signal);
  // Its threads start while the lock is taken.
  const session = new BackupSession(repo, {
    sources: sources.map(({ path }) => ({ path, excludes: options.excludes ?? [] })),
    compression: options.compression,
    rules: rulesOf(options),
    onProblem: (problem) => problems.add(problem),
  });
  let lock: HeldLock | undefined;
  try {
    lock = await repo.lock('shared', { signal: options.signal, waitMs: options.lockWaitMs });
    const signal = options.signal ? AbortSignal.any([options.signal, lock.signal]) : lock.signal;
    const writer = new (options.dryRun ? DryWriter : BackupWriter)(repo, lock, signal);
    const parent = await findParent(repo, sources, options, problems);
    await repo.loadIndex({ signal });
    session.begin(writer, signal);
    return await run(repo, { options, sources, session, writer, parent, problems, started });
  } catch (error) {
    if (options.signal?.aborted) {
      throw new AppError('cancelled', { message: 'The backup was cancelled; no snapshot was made.', cause: error });
    }
    throw error;
  } finally {
    // No upload may outlive the lock.
    await session.close();
    await lock?.release();
  }
}

/** Only what threads may be sent: options hold functions too. */
function rulesOf(options: BackupOptions): SelectionRules {
  const { insensitiveExcludes, excludeCaches, excludeIfPresent, excludeLargerThan, oneFileSystem } = options;
  return { insensitiveExcludes, excludeCaches, excludeIfPresent, excludeLargerThan, oneFileSystem };
}

async function findParent(
  repo: Repository,
  sources: readonly Source[],
  { parent = 'auto', streams, hostname, time, signal }: BackupOptions,
  problems: ProblemList,
): Promise<Snapshot | undefined> {
  if (parent === 'none') return undefined;
  if (parent !== 'auto') return await loadSnapshot(repo, parent as SnapshotId, signal);
  const paths = pathsOf({ streams }, sources);
  // A snapshot that cannot be read is no source that cannot be read.
  const onProblem = (problem: Problem) => problems.add({ ...problem, during: 'parent' });
  const snapshots = await listSnapshots(repo, { hostname, paths, onProblem, signal });
  const now = (time ?? new Date()).getTime();
  return snapshots.filter((snapshot) => Date.parse(snapshot.time) <= now).at(-1);
}

interface Run {
  options: BackupOptions;
  sources: readonly Source[];
  session: BackupSession;
  writer: BackupWriter;
  parent: Snapshot | undefined;
  problems: ProblemList;
  started: Date;
}

async function run(repo: Repository, work: Run): Promise<BackupResult> {
  const { options, sources, session, writer, parent, problems, started } = work;
  let phase: BackupProgress['phase'] = 'preparing';
  const report = () => options.onProgress?.(progressOf(session, phase, problems));
  const timer = options.onProgress ? setInterval(report, PROGRESS_MS) : undefined;
  try {
    if (options.onProgress) session.count();
    phase = 'reading';
    const { tree, emptyPaths, unchanged } = await storeTree(repo, work);
    const counters = session.counters();
    if (counters.filesDone + counters.othersDone === 0 && problems.unreadable > 0)
      throw nothingReadable(sources, problems);
    phase = 'finishing';
    report();
    await session.finish();
    const proof = await writer.flush();
    const summary = summaryOf(session, started);
    const common = { summary, problems: problems.first, problemCount: problems.count, emptyPaths };
    if (options.dryRun || (options.skipIfUnchanged && unchanged)) return { ...common, snapshot: undefined };
    const snapshot = await writer.writeSnapshot(proof, {
      time: formatDate(options.time ?? started),
      parent: parent?.id,
      tree,
      paths: pathsOf(options, sources),
      hostname: options.hostname,
      ...owner(options),
      excludes: options.excludes ? [...options.excludes] : undefined,
      tags: options.tags ? [...options.tags] : undefined,
      program_version: options.programVersion,
      summary,
    });
    report();
    return { ...common, snapshot };
  } finally {
    clearInterval(timer);
  }
}

function pathsOf({ streams = [] }: Pick<BackupOptions, 'streams'>, sources: readonly Source[]): string[] {
  return [...sources, ...streams].map(({ path }) => path).sort();
}

function owner(options: BackupOptions): Pick<Snapshot, 'username' | 'uid' | 'gid'> {
  const process = processOwner();
  return { ...process, username: options.username ?? process.username };
}

const EMPTY_TREE = hash('sha256', treeFromNodeTexts([]), 'hex');

interface StoredTree {
  tree: TreeId;
  emptyPaths: string[];
  /** Every source is as in the parent. Not the folders above, whose times change with whatever else is in them. */
  unchanged: boolean;
}

/** Stores every source and the folders above them. */
async function storeTree(repo: Repository, { options, sources, session, parent, problems }: Run): Promise<StoredTree> {
  const upper = newRoot();
  await storeStreams(session, options.streams ?? [], upper);
  const unchanged: boolean[] = [];
  const nodes = await Promise.all(
    sources.map(async (source, number) => {
      const parentTree = await parentTreeOf(repo, parent, source, problems);
      if (source.name === undefined) return '';
      const job = {
        folder: source.folder,
        relative: '',
        isSource: true,
        source: number,
        names: [source.name],
        regular: new Uint8Array(1),
        parentTree,
      };
      const node = (await session.run(job))[0] ?? '';
      unchanged.push(options.skipIfUnchanged === true && (await isNodeOf(repo, parentTree, source.name, node)));
      return node;
    }),
  );
  const emptyPaths = sources.filter((_, i) => nodes[i]?.includes(`"subtree":"${EMPTY_TREE}"`)).map(({ path }) => path);
  const root = sources.find((source) => source.name === undefined);
  if (root) {
    const tree = (await storeRootFolder(session, parent)) as TreeId;
    return { tree, emptyPaths, unchanged: tree === parent?.tree };
  }
  if (sources.length > 0 && nodes.every((node) => node === '')) throw nothingReadable(sources, problems);
  addSources(upper, sources, nodes);
  const tree = await storeUpperFolder(session, upper);
  // Whether a stream is what it was before nobody asks: it is new.
  return { tree: tree as TreeId, emptyPaths, unchanged: !options.streams?.length && unchanged.every(Boolean) };
}

/** The source '/' is the snapshot's tree itself: it has no node. */
async function storeRootFolder(session: BackupSession, parent: Snapshot | undefined): Promise<string> {
  const job = { folder: '/', relative: '', isSource: false, source: 0, ...listFolder('/'), parentTree: parent?.tree };
  return session.saveTree(await session.run(job));
}

async function storeUpperFolder(session: BackupSession, folder: UpperFolder): Promise<string> {
  const entries = new Map(folder.nodes);
  for (const below of folder.folders.values()) {
    const subtree = (await storeUpperFolder(session, below)) as TreeId;
    const name = Buffer.from(below.name, 'latin1');
    if (!below.stat) {
      entries.set(below.name, madeUpFolder(below.name, subtree));
      continue;
    }
    const node = nodeFromStat(name, below.stat, { extendedAttributes: below.attributes });
    entries.set(below.name, encodeNode({ ...node, type: 'dir', subtree }));
  }
  return session.saveTree([...entries.keys()].sort().map((name) => entries.get(name) as string));
}

/** Tree of the folder that holds a source, in the parent snapshot. A parent that cannot be read only costs time. */
async function parentTreeOf(
  repo: Repository,
  parent: Snapshot | undefined,
  source: Source,
  problems: ProblemList,
): Promise<string | undefined> {
  if (!parent) return undefined;
  try {
    let tree = parent.tree;
    for (const name of source.folder.split('/').filter((part) => part !== '')) {
      const node = await nodeNamed(repo, tree, name);
      if (!node?.subtree) return undefined;
      tree = node.subtree;
    }
    return tree;
  } catch (error) {
    const message = `The previous snapshot ${parent.id.slice(0, 8)} cannot be read, everything is read again: ${(error as Error).message}`;
    problems.add({ path: source.path, during: 'parent', message });
    return undefined;
  }
}

/** Whether a tree of the parent snapshot has this very node. */
async function isNodeOf(repo: Repository, tree: string | undefined, name: string, node: string): Promise<boolean> {
  if (tree === undefined) return false;
  const before = await nodeNamed(repo, tree, name);
  return before !== undefined && encodeNode(before) === node;
}

/** `name` in latin1. */
async function nodeNamed(repo: Repository, tree: string, name: string): Promise<TreeNode | undefined> {
  const wanted = Buffer.from(name, 'latin1');
  return decodeTree(await repo.loadBlob('tree', tree)).find((entry) => entry.name.equals(wanted));
}

function nothingReadable(sources: readonly Source[], problems: ProblemList): AppError {
  const paths = sources.map(({ path }) => path).join(', ');
  const first = problems.first.find(({ during }) => UNREADABLE.has(during)) ?? problems.first[0];
  return new AppError('permission-denied', {
    message: `Nothing in ${paths} could be read; no snapshot was made.${first ? ` ${first.path}: ${first.message}` : ''}`,
    hint: 'Run the worker as a user who may read it.',
  });
}
