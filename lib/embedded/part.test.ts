import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPart } from './part.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-part-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a process that a part forks waits for its own parent, as the one in which next dev works does', async () => {
  const program = join(folder, 'forks.mjs');
  await writeFile(
    program,
    `import { fork } from 'node:child_process';
     if (process.argv[2] === 'forked') {
       // Nothing but the channel keeps it alive.
       process.on('message', () => { process.send('answer'); process.disconnect(); });
     } else {
       const child = fork(import.meta.filename, ['forked']);
       child.on('message', () => console.log('answered'));
       child.on('exit', (code) => console.log('forked process ended with ' + code));
       setTimeout(() => child.connected && child.send('question'), 700);
     }`,
  );
  const lines: string[] = [];
  const part = startPart({
    name: 'part that forks',
    foreign: true,
    args: [program],
    env: { ...process.env },
    onLine: (line) => lines.push(line),
  });
  await part.exited;
  expect(lines).toEqual(['answered', 'forked process ended with 0']);
});
