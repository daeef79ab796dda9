// docs/faults.md says which test shows what: it must not name tests that are gone.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, ROOT)), 'utf8');
const rows = read('docs/faults.md')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line));
const named = rows.flatMap((row) =>
  [...row.matchAll(/`([a-z/-]+\.test\.ts)` "([^"]+)"/g)].map(([, file, title]) => [file, title] as [string, string]),
);

test('the table has forty faults, and each is shown by a test or says that it is open', () => {
  expect(rows.map((row) => Number(/\d+/.exec(row)?.[0]))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  for (const row of rows) expect(row).toMatch(/\.test\.ts` "|open: /);
  expect(named.length).toBeGreaterThan(60);
});

test.each(named)('%s has a test "%s"', (file, title) => {
  expect(read(`lib/${file}`)).toContain(title);
});
