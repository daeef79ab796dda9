// The recovery kit: all that is needed to get a vault's content back with Holdfast gone. The commands are run against a real
// vault by recovery-kit.test.ts, exactly as they stand in the file.

export interface RecoveryKitFacts {
  vaultName: string;
  /** What `restic -r` takes. */
  location: string;
  /** Machine names the location is valid on; the web process's host. */
  hostname: string;
  repositoryId: string;
  password: string;
  madeAt: Date;
  /** For the example of restoring one file. */
  examplePath?: string;
}

/** One argument of a POSIX shell, whatever is in it. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A plain-text file. */
export function recoveryKit(facts: RecoveryKitFacts): string {
  const day = facts.madeAt.toISOString().slice(0, 10);
  const file = facts.examplePath ?? '/etc/hostname';
  return `HOLDFAST RECOVERY KIT
=====================

Vault           ${facts.vaultName}
Location        ${printable(facts.location)}
                on the machine ${facts.hostname}
Repository id   ${facts.repositoryId}
Password        ${facts.password}
Kit made        ${day}

KEEP THIS FILE SECRET AND AWAY FROM THE VAULT. Whoever has it and can reach the vault can read everything in it.
Print it, or put it into a password manager. If the machine that runs Holdfast is lost, this file is the only
way to the backups: nobody can make the password again.


GET EVERYTHING BACK WITHOUT HOLDFAST
------------------------------------

The vault is an ordinary restic repository (format version 2). All it takes is restic 0.14 or newer from
https://restic.net or from your distribution ("apt install restic"). Paste these lines into a shell on a machine
that reaches the location above. If the folder is mounted elsewhere there, change the first line.

export RESTIC_REPOSITORY=${shellQuote(facts.location)}
export RESTIC_PASSWORD=${shellQuote(facts.password)}

1. Is it whole? The first looks at the structure, the second reads every byte.

restic check
restic check --read-data

2. What is in it?

restic snapshots
restic ls latest

3. Restore the newest recovery point into the new folder ./restored. With several sources in the vault, take a
   short id from "restic snapshots" in place of "latest".

restic restore latest --target ./restored

4. Restore one file or folder (here ${printable(file)}).

restic restore latest --target ./restored-part --include ${shellQuote(file)}

5. Straight to a file, without restoring: one file as it is, a folder as a tar archive.

restic dump latest ${shellQuote(file)} > ./restored-dump

Files keep owner and mode when the restore runs as root.
`;
}

/** A line stays a line: control characters of a folder name are shown, not obeyed. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`);
}
