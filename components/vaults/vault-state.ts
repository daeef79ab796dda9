import type { Tone } from '#components/ui/state.tsx';
import type { VaultView } from '#lib/contracts/vaults.ts';

export interface VaultVerdict {
  tone: Tone;
  word: string;
  /** One sentence: why, and what to do. */
  means: string;
}

type Facts = Pick<VaultView, 'unreachable' | 'lastCheck' | 'kitDownloadedAt' | 'recoveryPoints'>;

/** The worst thing that is true of a vault. Never green before a check has said so. */
export function vaultVerdict(vault: Facts): VaultVerdict {
  if (vault.unreachable !== null) return { tone: 'bad', word: 'Unreachable', means: vault.unreachable };
  if (vault.lastCheck !== null && !vault.lastCheck.ok)
    return {
      tone: 'bad',
      word: 'Check failed',
      means:
        'The last check did not pass. Open the check to see why; if it names damage, make a new backup into another vault now.',
    };
  if (vault.kitDownloadedAt === null)
    return {
      tone: 'warn',
      word: 'No recovery kit',
      means: 'Without the recovery kit nobody can open this vault once this console is gone.',
    };
  if (vault.lastCheck === null)
    return {
      tone: 'idle',
      word: 'Not checked yet',
      means: vault.recoveryPoints === 0 ? 'It is empty.' : 'No check has looked at what it holds.',
    };
  return vault.lastCheck.readData
    ? { tone: 'good', word: 'Sound', means: 'The last check read all data and found it intact.' }
    : { tone: 'good', word: 'Sound', means: 'The last check found its structure intact; it did not read all data.' };
}
