// Completes package-lock.json. A registry mirror that lacks a package for another platform makes npm leave that package out of
// the lockfile, and `npm ci` then refuses the whole lockfile, on every platform. What is missing is known all the same: name
// and version stand at the package that asks for it, and names of such packages say for which platform they are.
//
//   node scripts/lockfile.mjs          adds what is missing (after `npm install`)
//   node scripts/lockfile.mjs --check  only tells

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** Optional packages that some package asks for and no entry provides: [{ asker, name, version }]. */
export function missingPackages(lock) {
  const missing = [];
  for (const [asker, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (!foldersAbove(asker).some((folder) => `${folder}node_modules/${name}` in lock.packages)) {
        missing.push({ asker, name, version });
      }
    }
  }
  return missing;
}

/** Where Node looks, from a package up to the root: 'node_modules/a/', ''. */
function foldersAbove(path) {
  const folders = [];
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1)))
    folders.push(`${at}/`);
  return [...folders, ''];
}

function entryFor({ asker, name, version }, lock) {
  if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version)) throw new Error(`${asker} asks for a range of ${name}: ${version}`);
  const os = SYSTEMS.filter((system) => name.includes(`-${system}`));
  const cpu = PROCESSORS.filter((processor) => new RegExp(`-${processor}(?!\\d)`).test(name)).slice(0, 1);
  if (os.length + cpu.length === 0) throw new Error(`The name of ${name} does not say its platform.`);
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(lock.packages[asker].dev ? { dev: true } : {}),
    ...(name.endsWith('-musl') ? { libc: ['musl'] } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(FILE, 'utf8'));
  const missing = missingPackages(lock);
  for (const { name, version } of missing) process.stdout.write(`${name}@${version}\n`);
  if (process.argv.includes('--check')) {
    process.exitCode = missing.length === 0 ? 0 : 1;
  } else if (missing.length > 0) {
    for (const wanted of missing) lock.packages[`node_modules/${wanted.name}`] = entryFor(wanted, lock);
    const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
    writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
  }
}
