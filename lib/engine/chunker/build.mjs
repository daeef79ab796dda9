// Compiles rabin.as.ts to rabin.wasm, which is not checked in. Part of "npm run generate". Does nothing when the result
// is newer than its source and this script. Built-ins and the compiler only.
//
//   node lib/engine/chunker/build.mjs

import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCE = join(HERE, 'rabin.as.ts');
const RESULT = join(HERE, 'rabin.wasm');
/** Pages of 64 KiB; the scanner grows it to its buffer's size. */
const FIRST_PAGES = 2;

function isUpToDate() {
  if (!existsSync(RESULT)) return false;
  const built = statSync(RESULT).mtimeMs;
  return [SOURCE, fileURLToPath(import.meta.url)].every((file) => statSync(file).mtimeMs < built);
}

/** True when it compiled, false when there was nothing to do. */
export function buildChunker() {
  if (isUpToDate()) return false;
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve('assemblyscript/package.json')),
    'bin',
    'asc.js',
  );
  // Two builds at once must not show each other half a file.
  const temporary = join(HERE, `.rabin-${process.pid}.wasm`);
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--initialMemory', String(FIRST_PAGES)];
  try {
    execFileSync(process.execPath, [compiler, SOURCE, ...options, '--outFile', temporary], { stdio: 'inherit' });
    renameSync(temporary, RESULT);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(buildChunker() ? 'rabin.wasm compiled\n' : 'rabin.wasm is up to date\n');
}
