// Names of users and groups from /etc/passwd and /etc/group. Accounts that only a directory service knows have no
// name here; their numbers are stored all the same.

import { readFileSync } from 'node:fs';

/** A long-lived worker must see accounts made after it started. */
const REREAD_AFTER_MS = 60_000;

class AccountFile {
  readonly #file: string;
  #names = new Map<number, string>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(file: string) {
    this.#file = file;
  }

  name(id: number): string | undefined {
    const now = performance.now();
    if (now - this.#readAt > REREAD_AFTER_MS) {
      this.#names = readNames(this.#file);
      this.#readAt = now;
    }
    return this.#names.get(id);
  }
}

function readNames(file: string): Map<number, string> {
  const names = new Map<number, string>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // A container without the file has numbers only, as restic there.
    return names;
  }
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    // The first line of an id wins, as with getpwuid.
    if (name && id && /^\d+$/.test(id) && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}

const users = new AccountFile('/etc/passwd');
const groups = new AccountFile('/etc/group');

export function userName(uid: number): string | undefined {
  return users.name(uid);
}

export function groupName(gid: number): string | undefined {
  return groups.name(gid);
}
