// The instance as the stories see it: where it is, its processes, and the door to stop and start it.

import { readdirSync, readFileSync } from 'node:fs';

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the stories with "npm run e2e"`);
  return value;
}

async function door(method: 'GET' | 'POST', path: string): Promise<unknown> {
  const response = await fetch(`${given('E2E_DOOR')}${path}`, { method });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** What a command line of each part contains. */
const PART = { web: /next-server|next\/dist\/bin\/next/, worker: /workers\/main\.ts/ };

export const instance = {
  get url() {
    return given('E2E_URL');
  },
  get setupToken() {
    return given('E2E_SETUP_TOKEN');
  },
  /** Folder for what the stories make. */
  get root() {
    return given('E2E_ROOT');
  },
  get dataDir() {
    return given('E2E_DATA_DIR');
  },
  start: () => door('POST', '/start'),
  stop: () => door('POST', '/stop'),
  untilEnded: () => door('POST', '/until-ended'),
  async running(): Promise<boolean> {
    return (await door('GET', '/pid')) !== null;
  },
  /** Everything that the supervisor and its parts printed. */
  output: async () => (await door('GET', '/output')) as string,
  /** Process id of a part: a child of the supervisor. */
  async pid(part: keyof typeof PART): Promise<number> {
    const supervisor = (await door('GET', '/pid')) as number | null;
    const found = children(supervisor ?? -1).find((pid) => PART[part].test(commandLine(pid)));
    if (found === undefined) throw new Error(`the supervisor has no ${part}`);
    return found;
  },
  /**
   * Holds the worker still while `work` is done, so that a run is certainly under way then, however fast or slow the machine is.
   * Not for longer than its lease lasts (40 s).
   */
  async withWorkerHeld<T>(work: () => Promise<T>): Promise<T> {
    const pid = await instance.pid('worker');
    process.kill(pid, 'SIGSTOP');
    try {
      return await work();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  },
};

function children(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | undefined {
  try {
    // The second field is the name, in brackets, and may contain anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
