// Entry of every worker thread of the engine. The role decides what it loads.

import { workerData } from 'node:worker_threads';
import { keepCompiledCode } from './compile-cache.ts';

keepCompiledCode();
const { role } = workerData as { role: 'pool' | 'backup' | 'count' };
if (role === 'backup') await import('./backup-worker.ts');
else if (role === 'count') await import('./count-worker.ts');
else await import('./pool-worker.ts');
