// Checks the repository of one vault. Findings are the result, not an error; what keeps the check from going on is one.

import { listRecordedSnapshots } from '#lib/db/run-facts.ts';
import type { CpuPool } from '#lib/engine/cpu/pool.ts';
import { checkRepository } from '#lib/engine/verbs/check.ts';
import { news } from '#lib/live/instance.ts';
import { openVault } from '#lib/services/open-vault.ts';
import { settleMissing } from '#lib/services/recovery-point-index.ts';
import type { RunEnd, RunTask } from '#lib/services/run-execution.ts';

/** As many as a page shows; the run's log has more. */
const MOST_FINDINGS = 200;
const MOST_LOGGED = 5_000;

export async function runCheck({ input, signal, report }: RunTask<'check'>, cpu: CpuPool): Promise<RunEnd> {
  const open = await openVault(input.vaultId, { cpu, signal });
  try {
    report.log('info', `Checking the vault "${open.vault.name}"${input.readData ? ', all data included' : ''}.`);
    // Before the check: what is recorded while it runs need not be in what it lists.
    const recorded = await listRecordedSnapshots(input.vaultId);
    const checked = await checkRepository(open.repository, {
      readData: input.readData,
      signal,
      onProgress: ({ phase, done, total, bytesDone, bytesTotal }) =>
        report.progress({ phase, filesDone: done, filesTotal: total, bytesDone, bytesTotal, problems: 0 }),
    });
    // After all that may fail: what is marked here is reported by this run and by no later one.
    const missing = await settleMissing(input.vaultId, recorded, open.repository, signal);
    const findings = [...missing, ...checked.findings];
    for (const finding of findings.slice(0, MOST_LOGGED)) {
      report.log(finding.severity === 'error' ? 'error' : 'warn', finding.message, { kind: finding.kind });
    }
    news({ type: 'changed', noun: 'vault', id: input.vaultId });
    return {
      result: {
        kind: 'check',
        ok: checked.ok && missing.length === 0,
        packs: checked.packs,
        blobs: checked.blobs,
        snapshots: checked.snapshots,
        bytesRead: checked.bytesRead,
        // Errors first: they must not be cut off by hints.
        findings: findings
          .toSorted((a, b) => Number(a.severity === 'hint') - Number(b.severity === 'hint'))
          .slice(0, MOST_FINDINGS)
          .map(({ severity, kind, message }) => ({ severity, kind, message })),
      },
    };
  } finally {
    await open.close();
  }
}
