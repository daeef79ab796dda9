// Fetches the two restic programs that the cross-oracle tests compare with: 0.14, from this Debian release, and the
// newest, from Debian's unstable suite. Nothing is installed and the system's package lists are not touched: the
// packages are unpacked below .cache/restic/. Built-ins only, so that it runs before `npm ci`. Idempotent.
//
//   node scripts/restic-oracle.mjs        prints the version and the place of each

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = join(fileURLToPath(new URL('..', import.meta.url)), '.cache', 'restic');

/** Label of each program, and the suite of Debian it comes from. */
const SUITES = { stable: 'bookworm', newest: 'sid' };

/** Where this machine's own apt gets Debian from: the mirror is its owner's choice, not ours. */
function debianMirror() {
  const files = ['/etc/apt/sources.list'];
  try {
    for (const name of readdirSync('/etc/apt/sources.list.d')) files.push(join('/etc/apt/sources.list.d', name));
  } catch {
    // No such folder: an apt with only the one file.
  }
  for (const file of files) {
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'utf8');
    const line =
      /^deb\s+(?:\[[^\]]*\]\s+)?(\S+\/debian)\/?\s/m.exec(text) ?? /^URIs:\s*(\S+\/debian)\/?\s*$/m.exec(text);
    if (line) return line[1];
  }
  throw new Error('No Debian mirror in /etc/apt: the restic programs for the oracle tests come from Debian packages.');
}

function fetchProgram(label, suite) {
  const home = join(CACHE, label);
  const work = join(CACHE, `${label}.partial`);
  rmSync(work, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'archives/partial', 'root'])
    mkdirSync(join(work, folder), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${debianMirror()} ${suite} main\n`);
  const options = [
    ['Dir::Etc::SourceList', join(work, 'sources.list')],
    ['Dir::Etc::SourceParts', '/dev/null'],
    ['Dir::State::Lists', join(work, 'lists')],
    ['Dir::Cache', work],
    ['Dir::Cache::Archives', join(work, 'archives')],
    ['Acquire::Languages', 'none'],
    // apt drops to the user _apt, who cannot write into a private folder of root.
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  execFileSync('apt-get', [...options, 'update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('apt-get', [...options, 'download', '-qq', 'restic'], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const package_ = readdirSync(work).find((name) => name.endsWith('.deb'));
  if (!package_) throw new Error(`apt-get download restic left no package (suite ${suite}).`);
  execFileSync('dpkg', ['-x', join(work, package_), join(work, 'root')]);
  mkdirSync(home, { recursive: true });
  renameSync(join(work, 'root', 'usr', 'bin', 'restic'), join(home, 'restic'));
  rmSync(work, { recursive: true, force: true });
}

/** Paths of the programs that are there, by label; `undefined` for one that is not. Fetches nothing. */
export function resticPrograms() {
  return Object.fromEntries(
    Object.keys(SUITES).map((label) => {
      const program = join(CACHE, label, 'restic');
      return [label, existsSync(program) ? program : undefined];
    }),
  );
}

/** Fetches what is missing; returns the path of each program by label. Needs a Debian machine with apt. */
export function fetchResticPrograms() {
  for (const [label, suite] of Object.entries(SUITES)) {
    if (!resticPrograms()[label]) fetchProgram(label, suite);
  }
  return resticPrograms();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [label, program] of Object.entries(fetchResticPrograms())) {
    process.stdout.write(`${label}: ${program} ${execFileSync(program, ['version'], { encoding: 'utf8' })}`);
  }
}
