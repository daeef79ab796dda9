import { inject } from 'vitest';

/** Redis numbers its databases up to this by default; each vitest worker gets one to itself. */
const DATABASES = 16;

/** Address of the real Redis, or undefined where none is installed: `test.skipIf(testRedisUrl() === undefined)`. */
export function testRedisUrl(): string | undefined {
  const url = inject('redisUrl');
  if (url === '') return undefined;
  return `${url}/${Number(process.env.VITEST_POOL_ID ?? 0) % DATABASES}`;
}
