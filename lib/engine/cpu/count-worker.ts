// Counts what a backup is going to read, beside it, for the totals of its progress. Nothing depends on the result being
// exact: files come and go, and what cannot be read counts as nothing.

import { lstatSync, readdirSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { Excludes } from '../walk/excludes.ts';
import { CANCEL, type CountResult, type CountThreadData } from './backup-protocol.ts';

const { sources, port, control } = workerData as CountThreadData;
const flags = new Int32Array(control);

function onDisk(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function count(total: CountResult, root: string, excludes: Excludes): void {
  const pending: { path: string; relative: string }[] = [{ path: root, relative: '' }];
  for (let at = pending.pop(); at; at = pending.pop()) {
    if (Atomics.load(flags, CANCEL) !== 0) return;
    try {
      const stat = lstatSync(onDisk(at.path));
      if (excludes.excludes(at.relative, stat.isDirectory())) continue;
      if (stat.isFile()) {
        total.files += 1;
        total.bytes += stat.size;
      }
      if (!stat.isDirectory()) continue;
      const folder = at.path.endsWith('/') ? at.path : `${at.path}/`;
      for (const name of readdirSync(onDisk(at.path), { encoding: 'latin1' })) {
        const text = excludes.none ? '' : Buffer.from(name, 'latin1').toString('utf8');
        pending.push({ path: folder + name, relative: at.relative === '' ? text : `${at.relative}/${text}` });
      }
    } catch {
      // The backup itself reports what it cannot read.
    }
  }
}

const total: CountResult = { files: 0, bytes: 0 };
for (const { path, excludes } of sources) {
  count(total, Buffer.from(path).toString('latin1'), new Excludes(excludes, path));
}
port.postMessage(total);
port.close();
