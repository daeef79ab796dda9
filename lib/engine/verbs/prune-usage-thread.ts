// Worker thread that looks into trees for a prune.

import { parentPort, workerData } from 'node:worker_threads';
import { type MarkerData, type MarkJob, type MarkResult, TreeMarker } from './prune-marker.ts';

export interface UsageThreadData extends MarkerData {
  role: 'prune';
}

/** One job at a time; 'stop' is the last one: a thread that is terminated while it loads native code takes the process with it. */
export type ToUsageThread = MarkJob | 'stop';

export type FromUsageThread = { result: MarkResult } | { error: string };

const marker = new TreeMarker(workerData as UsageThreadData);

parentPort?.on('message', (job: ToUsageThread) => {
  if (job === 'stop') {
    parentPort?.close();
    return;
  }
  let reply: FromUsageThread;
  try {
    reply = { result: marker.look(job) };
  } catch (error) {
    reply = { error: `A thread that looks for used data failed: ${(error as Error).stack}` };
  }
  parentPort?.postMessage(reply);
});
