import { readFileSync } from 'node:fs';

/** Of this checkout; goes into snapshots and the worker's row. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
