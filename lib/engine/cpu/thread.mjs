// Entry of every worker thread of the engine. The role decides what it loads. Why it is not TypeScript: compile-cache.mjs.

import { workerData } from 'node:worker_threads';
import { keepCompiledCode } from './compile-cache.mjs';

keepCompiledCode();
const roles = {
  backup: () => import('./backup-worker.ts'),
  count: () => import('./count-worker.ts'),
  pool: () => import('./pool-worker.ts'),
  prune: () => import('../verbs/prune-usage-thread.ts'),
  restore: () => import('../restore/pack-worker.ts'),
  save: () => import('../repository/blob-saver-thread.ts'),
};
await roles[workerData.role]();
