// Preparations shared by start, dev and test. Built-ins of Node 20 only: they run before anything is installed.
// Each step looks first whether there is something to do, prints one line with its time, and shows what its program said
// only when that failed.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [20, 12];
/** Of a failed program's output: its beginning, where npm says what is wrong, and its end, where others do. */
const SHOWN_FIRST = 15;
const SHOWN_LAST = 60;
/** Below this a step is not worth a line: there was nothing to do. */
const SILENT_BELOW_MS = 150;
/** For the last output of a program that ended while something it started did not. */
const LEFT_BEHIND_MS = 3_000;

/** The Node that runs everything but these scripts, installed from npm like any other package. */
export const PINNED_NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');

/** Environment of everything that is started: the pinned Node first on PATH, no call home. */
export function environment(more = {}) {
  return {
    ...process.env,
    PATH: `${join(ROOT, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`,
    // The same folder as lib/engine/cpu/compile-cache.mjs names, for the reasons given there.
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'holdfast'),
    NEXT_TELEMETRY_DISABLED: '1',
    CHECKPOINT_DISABLE: '1',
    // Prisma would download a native engine that nothing here uses, from a host that many networks do not reach.
    PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
    PRISMA_SKIP_POSTINSTALL_GENERATE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    ...more,
  };
}

/** A failure whose sentence has been written already, or is the message. */
export class Failed extends Error {}

/** Runs a program to its end, or to the end of its time. Resolves with its exit code and its output. */
export function run(command, args, { env = {}, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            output += `\nIt took longer than ${timeoutMs / 60_000} minutes and was stopped.\n`;
            child.kill('SIGTERM');
            setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
          }, timeoutMs);
    const end = (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    };
    child.once('error', (error) => {
      output += `${error.message}\n`;
      end(127);
    });
    child.once('close', (code, signal) => end(code ?? `killed by ${signal}`));
    // A process that it left behind keeps the pipe open: its output is not waited for.
    child.once('exit', (code, signal) => setTimeout(() => end(code ?? `killed by ${signal}`), LEFT_BEHIND_MS).unref());
  });
}

/** Runs a program that must succeed. */
export async function must(what, remedy, command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code === 0) return output;
  process.stderr.write(`\n${shortened(output)}\n\n`);
  throw new Failed(`${what} failed (${code}); its output is above. ${remedy}`);
}

export function shortened(output) {
  const lines = output.trimEnd().split('\n');
  if (lines.length <= SHOWN_FIRST + SHOWN_LAST) return lines.join('\n');
  return [...lines.slice(0, SHOWN_FIRST), '…', ...lines.slice(-SHOWN_LAST)].join('\n');
}

/** One step: its line is printed when it took a noticeable time; what is known to take long is announced. */
export async function step(name, work, announced) {
  const before = Date.now();
  if (announced !== undefined) process.stdout.write(`  ${announced} …\n`);
  const result = await work();
  const took = Date.now() - before;
  if (took >= SILENT_BELOW_MS) process.stdout.write(`  ${name.padEnd(28)} ${(took / 1000).toFixed(1).padStart(6)} s\n`);
  return result;
}

/** Ends the script with a sentence instead of a stack when the failure was foreseen. */
export async function main(work) {
  try {
    requireNode();
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Failed ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Failed(`Node ${process.versions.node} is too old. Install Node ${OLDEST_NODE.join('.')} or newer.`);
}

// ── what may have to be done ───────────────────────────────────────────────────────────────

/** `npm ci` when the lockfile, npm's settings or the platform changed since the last one. */
export async function install() {
  const stamp = join(ROOT, 'node_modules', '.holdfast-installed');
  const wanted = installDigest();
  if (read(stamp) === wanted && existsSync(PINNED_NODE)) return;
  await step(
    'packages installed',
    async () => {
      rmSync(stamp, { force: true });
      const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
      const remedy = 'Is the npm registry reachable, and is this folder writable?';
      await must('npm ci', remedy, 'npm', args);
      if (!existsSync(PINNED_NODE)) {
        throw new Failed(
          'npm installed no Node 24: the install script of the package "node" did not run. ' +
            'Allow it ("npm config get ignore-scripts" should say false), remove node_modules and start again.',
        );
      }
      writeFileSync(stamp, wanted);
    },
    'installing packages, about a minute',
  );
}

/**
 * What decides which packages are installed; the rest of package.json may change without another install. The Node that
 * runs this script is not of it: `npm start` finds the system's Node the first time and the pinned one ever after
 * (npm puts node_modules/.bin first), and what runs the packages is always the pinned one.
 */
export function installDigest() {
  const { allowScripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return digestOf(['package-lock.json', '.npmrc'], JSON.stringify([process.platform, process.arch, allowScripts]));
}

/** The Prisma client and the engine's WebAssembly, when their sources changed. */
export async function generate() {
  const stamp = join(ROOT, 'lib', 'db', 'generated', '.stamp');
  const wanted = digestOf(['prisma/schema.prisma', 'prisma.config.ts', 'node_modules/prisma/package.json']);
  if (read(stamp) !== wanted) {
    await step('database client generated', async () => {
      await must('prisma generate', 'Is prisma/schema.prisma valid?', PINNED_NODE, [
        join(ROOT, 'node_modules', 'prisma', 'build', 'index.js'),
        'generate',
      ]);
      writeFileSync(stamp, wanted);
    });
  }
  await step('chunker compiled', () =>
    must('Compiling the chunker', 'Is lib/engine/chunker complete?', PINNED_NODE, ['lib/engine/chunker/build.mjs']),
  );
}

/** What `next build` reads. Tests and what no page uses are left out: changing them must not cost a build. */
const PAGE_SOURCES = ['app', 'components', 'lib', 'public', 'prisma/schema.prisma', 'proxy.ts', 'next.config.js'];
const NOT_PAGES = [join('lib', 'db', 'generated'), join('lib', 'embedded'), join('lib', 'cli')];
const PAGE_SETTINGS = [
  'postcss.config.mjs',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
  'instrumentation.ts',
];

/** `next build` when its sources changed. `before` runs only then; it may refuse. */
export async function build(before = async () => {}) {
  const stamp = join(ROOT, '.next', 'holdfast-built');
  const wanted = digestOf([...PAGE_SOURCES, ...PAGE_SETTINGS]);
  if (read(stamp) === wanted) return;
  await before();
  await step(
    'pages built',
    async () => {
      // A build that is cut off must not count as one.
      rmSync(stamp, { force: true });
      const next = join(ROOT, 'node_modules', 'next', 'dist', 'bin', 'next');
      await must('next build', 'Run "npm run check" for details.', PINNED_NODE, [next, 'build'], {
        env: { NODE_ENV: 'production' },
      });
      mkdirSync(join(ROOT, '.next'), { recursive: true });
      writeFileSync(stamp, wanted);
    },
    'building pages, about half a minute',
  );
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** One hash over names and contents of files and folders; what is not there counts as that. */
function digestOf(paths, more = '') {
  const hash = createHash('sha256').update(more);
  for (const path of paths) addTo(hash, path);
  return hash.digest('hex');
}

function addTo(hash, path) {
  const absolute = join(ROOT, path);
  if (!existsSync(absolute)) {
    hash.update(`${path}\0none\0`);
    return;
  }
  if (statSync(absolute).isDirectory()) {
    for (const name of readdirSync(absolute).sort()) {
      const below = join(path, name);
      if (!NOT_PAGES.includes(below) && !/\.test\.tsx?$/.test(name)) addTo(hash, below);
    }
    return;
  }
  hash.update(`${path}\0`).update(readFileSync(absolute)).update('\0');
}

// ── handing over ───────────────────────────────────────────────────────────────────────────

/** Runs a program of ours in the foreground until it ends, passing on what a terminal or a service manager asks. */
export function handOver(args, env = {}) {
  const child = spawn(PINNED_NODE, args, { cwd: ROOT, env: environment(env), stdio: 'inherit' });
  // The supervisor takes the copies of one key press that reach it within a moment as one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
