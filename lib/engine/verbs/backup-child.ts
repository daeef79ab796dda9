// A backup in a process of its own, for tests that kill it or run it as another user:
//   node backup-child.ts <repository folder> <password> <path>...
// Prints one JSON line per progress report, problem and result.

import { isAppError } from '#lib/errors.ts';
import { LocalStore } from '#lib/stores/local.ts';
import { backup } from './backup.ts';
import { openRepository } from './open.ts';

const [folder, password, ...paths] = process.argv.slice(2) as [string, string, ...string[]];
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const repo = await openRepository(new LocalStore(folder), { password });
  const result = await backup(repo, {
    paths,
    hostname: 'child',
    onProgress: (progress) => say({ progress }),
    onProblem: (problem) => say({ problem }),
  });
  say({ result });
} catch (error) {
  say({ error: isAppError(error) ? { code: error.code, message: error.message } : { message: String(error) } });
  process.exitCode = 1;
}
