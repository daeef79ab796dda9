// Counts what a backup is going to read, beside it, for the totals of its progress. Nothing depends on the result being
// exact: files come and go, and what cannot be read counts as nothing.

import { lstatSync, readdirSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { Selection } from '../walk/selection.ts';
import { CANCEL, type CountResult, type CountThreadData } from './backup-protocol.ts';

const { sources, rules, port, control } = workerData as CountThreadData;
const flags = new Int32Array(control);

function onDisk(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function count(total: CountResult, root: string, selection: Selection): void {
  const pending: { path: string; relative: string }[] = [{ path: root, relative: '' }];
  for (let at = pending.pop(); at; at = pending.pop()) {
    if (Atomics.load(flags, CANCEL) !== 0) return;
    try {
      const stat = lstatSync(onDisk(at.path), { bigint: true });
      const [isFolder, isFile] = [stat.isDirectory(), stat.isFile()];
      if (selection.excludedByPattern(at.relative, isFolder)) continue;
      if (at.path !== root && selection.excludedByStat({ isFolder, isFile, dev: stat.dev, size: stat.size })) continue;
      if (isFile) {
        total.files += 1;
        total.bytes += Number(stat.size);
      }
      if (!isFolder) continue;
      const folder = at.path.endsWith('/') ? at.path : `${at.path}/`;
      const names = readdirSync(onDisk(at.path), { encoding: 'latin1' });
      for (const name of selection.kept(onDisk(at.path), stat.dev, names)) {
        const text = selection.noPatterns ? '' : Buffer.from(name, 'latin1').toString('utf8');
        pending.push({ path: folder + name, relative: at.relative === '' ? text : `${at.relative}/${text}` });
      }
    } catch {
      // The backup itself reports what it cannot read.
    }
  }
}

const total: CountResult = { files: 0, bytes: 0 };
for (const { path, excludes } of sources) {
  count(total, Buffer.from(path).toString('latin1'), new Selection(path, excludes, rules));
}
port.postMessage(total);
port.close();
