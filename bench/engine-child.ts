// The process that bench/engine.ts times: opens a repository and backs one folder up.

import { hostname } from 'node:os';
import { keepCompiledCode } from '#lib/engine/cpu/compile-cache.mjs';

keepCompiledCode();
const { backup } = await import('#lib/engine/verbs/backup.ts');
const { openRepository } = await import('#lib/engine/verbs/open.ts');
const { LocalStore } = await import('#lib/stores/local.ts');

const [folder, password, source, force] = process.argv.slice(2) as [string, string, string, string?];
const repo = await openRepository(new LocalStore(folder), { password });
const result = await backup(repo, {
  paths: [source],
  hostname: hostname(),
  parent: force === '--force' ? 'none' : 'auto',
  onProgress: () => undefined,
});
if (result.problemCount > 0)
  process.stderr.write(`${result.problemCount} problems, first: ${result.problems[0]?.message}\n`);
