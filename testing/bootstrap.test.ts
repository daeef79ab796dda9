import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const BOOTSTRAP = pathToFileURL(join(ROOT, 'scripts', 'bootstrap.mjs')).href;

/** The digest as a process of another Node release computes it. */
function digestUnder(versions: Partial<NodeJS.ProcessVersions>): string {
  const program =
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, ...${JSON.stringify(versions)} } });` +
    `const { installDigest } = await import(${JSON.stringify(BOOTSTRAP)}); process.stdout.write(installDigest());`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
}

it('installs nothing again because the second start runs on the pinned Node and the first did not', () => {
  const first = digestUnder({ node: '20.20.2', modules: '115' });
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(digestUnder({})).toBe(first);
});

it('has installed exactly what the lockfile says now', () => {
  expect(readFileSync(join(ROOT, 'node_modules', '.holdfast-installed'), 'utf8')).toBe(digestUnder({}));
});
