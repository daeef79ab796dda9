// `npm test`: everything there is to check, from a fresh clone. It installs the programs the tests talk to (on Debian as root),
// or names what is missing, and runs: format, lint, build, types, unit and integration tests, stories in a browser.
// The last line is "N passed, N failed"; checks count as tests. With CI set, nothing may be missing or skipped.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, generate, install, main, must, PINNED_NODE, ROOT, run, shortened } from './bootstrap.mjs';

const RESULTS = join(ROOT, 'test-results');
const BIOME = join(ROOT, 'node_modules', '.bin', 'biome');
const CHECK_LIMIT_MS = 4 * 60_000;
const TESTS_LIMIT_MS = 20 * 60_000;
/** Of a failed test's message. */
const MESSAGE_LINES = 25;

/** What tests run besides what npm installs, and the Debian package that has it. */
const PROGRAMS = [
  { program: 'redis-server', packages: ['redis-server'], used: 'queue and live news on Redis' },
  { program: 'chromium', packages: ['chromium', 'fonts-dejavu-core'], used: 'the stories in a browser' },
];

const inCi = Boolean(process.env.CI);
const total = { passed: 0, failed: 0, skipped: 0 };

function count(name, passed, failed, skipped, before, detail = '') {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const seconds = `${((Date.now() - before) / 1000).toFixed(1)} s`.padStart(9);
  const verdict = failed > 0 ? 'FAILED' : 'ok';
  const numbers = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  process.stdout.write(`  ${name.padEnd(28)} ${seconds}  ${verdict.padEnd(6)}  ${numbers.join(', ')}\n`);
  if (detail !== '') process.stdout.write(`\n${detail}\n\n`);
}

async function check(name, command, args, options = {}) {
  const before = Date.now();
  const { code, output } = await run(command, args, { timeoutMs: CHECK_LIMIT_MS, ...options });
  const passed = code === 0;
  count(name, passed ? 1 : 0, passed ? 0 : 1, 0, before, passed ? '' : shortened(output));
  return passed;
}

await main(async () => {
  await install();
  await generate();
  const missing = await installPrograms();
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });
  await check('format', BIOME, ['format', '--colors=off', '.']);
  await check('lint, dependency rule', BIOME, ['lint', '--colors=off', '--error-on-warnings', '.']);
  const built = await buildChecked();
  // After the build: Next writes types of its routes.
  await check('types', PINNED_NODE, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit']);
  await unitTests();
  if (missing.includes('chromium')) {
    process.stdout.write('\n  SKIPPED: the stories in a browser, because chromium is not installed.\n\n');
  } else if (built) {
    await stories();
  }
  if (total.skipped > 0) process.stdout.write(`\n${total.skipped} skipped`);
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
});

/** Installs what is missing where that is possible; returns the programs that still are. */
async function installPrograms() {
  let missing = PROGRAMS.filter(({ program }) => !isInstalled(program));
  if (missing.length > 0 && process.getuid?.() === 0 && isInstalled('apt-get')) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const before = Date.now();
    const remedy = 'Can this machine reach its Debian mirror?';
    await must('apt-get update', remedy, 'apt-get', ['update', '-qq'], { env });
    const packages = missing.flatMap((entry) => entry.packages);
    await must('apt-get install', remedy, 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
      env,
    });
    process.stdout.write(`  ${packages.join(', ')} installed: ${((Date.now() - before) / 1000).toFixed(1)} s\n`);
    missing = PROGRAMS.filter(({ program }) => !isInstalled(program));
  }
  for (const { program, packages, used } of missing) {
    process.stdout.write(`  MISSING: ${program}, for ${used}. Debian: apt-get install ${packages.join(' ')}\n`);
    if (inCi) count(`${program} is installed`, 0, 1, 0, Date.now());
  }
  const { code, output } = await run(process.execPath, [join(ROOT, 'scripts', 'restic-oracle.mjs')]);
  if (code !== 0) {
    process.stdout.write(`  MISSING: the restic programs to compare with. ${output.trim().split('\n').at(-1)}\n`);
    if (inCi) count('restic is fetched', 0, 1, 0, Date.now(), shortened(output));
  }
  return missing.map(({ program }) => program);
}

function isInstalled(program) {
  return spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program], { stdio: 'ignore' }).status === 0;
}

async function buildChecked() {
  const before = Date.now();
  try {
    await build();
    count('build', 1, 0, 0, before);
    return true;
  } catch (error) {
    count('build', 0, 1, 0, before, error.message);
    return false;
  }
}

async function unitTests() {
  const before = Date.now();
  const file = join(RESULTS, 'unit.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--reporter=json', `--outputFile=${file}`];
  const { code, output } = await run(PINNED_NODE, args, { timeoutMs: TESTS_LIMIT_MS, env: { NODE_ENV: 'test' } });
  if (!existsSync(file)) return count('unit and integration tests', 0, 1, 0, before, shortened(output));
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const failures = report.testResults.flatMap((suite) => {
    const failed = suite.assertionResults.filter(({ status }) => status === 'failed');
    const name = suite.name.replace(ROOT, '');
    // A file that could not even be loaded has no tests and is one failure.
    if (failed.length === 0) return suite.status === 'failed' ? [`${name}\n${suite.message}`] : [];
    return failed.map((test) => `${name} > ${test.fullName}\n${indent(test.failureMessages.join('\n'))}`);
  });
  const skipped = report.numPendingTests + report.numTodoTests;
  // Errors outside of tests (a promise nobody waits for) fail the run without failing a test.
  const failed = failures.length === 0 && code !== 0 ? 1 : failures.length;
  const detail = failures.length > 0 ? failures.join('\n\n') : failed > 0 ? shortened(output) : '';
  count('unit and integration tests', report.numPassedTests, failed, skipped, before, detail);
}

async function stories() {
  const before = Date.now();
  const file = join(RESULTS, 'e2e.json');
  const playwright = join(ROOT, 'node_modules', 'playwright', 'cli.js');
  const { code, output } = await run(PINNED_NODE, [playwright, 'test'], { timeoutMs: TESTS_LIMIT_MS });
  if (!existsSync(file)) return count('stories in a browser', 0, 1, 0, before, shortened(output));
  const { stats, errors } = JSON.parse(readFileSync(file, 'utf8'));
  // A flaky story failed once: that is a failure.
  const unexpected = stats.unexpected + stats.flaky + errors.length;
  const failed = unexpected === 0 && code !== 0 ? 1 : unexpected;
  count('stories in a browser', stats.expected, failed, stats.skipped, before, failed > 0 ? shortened(output) : '');
}

function indent(text) {
  return text
    .split('\n')
    .slice(0, MESSAGE_LINES)
    .map((line) => `    ${line}`)
    .join('\n');
}
