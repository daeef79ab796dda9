// Payloads of queue jobs. A queue only delivers ids; the rows carry the input.

import { z } from 'zod';
import { entityId } from './common.ts';

export const runJob = z.object({ runId: entityId });
export const planRestoreJob = z.object({ planId: entityId });
export const listFolderJob = z.object({ path: z.string().max(4096), hidden: z.boolean() });
