// Compiled code is kept in the program's own folder: stripping types and compiling costs each new thread 0.2 s otherwise,
// several times what a small backup takes. Not in the temporary folder, Node's default: cached code is trusted like the
// program itself, so it must lie where only those who may change the program can write.
//
// Plain JavaScript, like the entry of the threads: a single TypeScript file that is loaded before the cache is on makes the
// thread load the whole type stripper, which takes 30 ms.

import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Call before importing anything large. Does nothing where the folder cannot be written, or NODE_COMPILE_CACHE named another. */
export function keepCompiledCode() {
  enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/holdfast', import.meta.url)));
}
