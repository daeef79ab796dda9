// Size of a vault over time: one row after every run that wrote to it, and the newest figures on the vault itself.

import { db } from './client.ts';

/** Adds a sample taken now. What the points would restore to is summed up from their rows. */
export async function insertVaultSample(
  vaultId: string,
  figures: { storedBytes: number; uniqueBytes: number },
): Promise<void> {
  await db().$transaction(async (tx) => {
    const points = await tx.recoveryPoint.aggregate({
      where: { vaultId, missingSince: null },
      _sum: { bytes: true },
      _count: true,
    });
    const at = new Date();
    const sizes = {
      storedBytes: BigInt(figures.storedBytes),
      uniqueBytes: BigInt(figures.uniqueBytes),
      logicalBytes: points._sum.bytes ?? 0n,
    };
    // Two runs may end in the same millisecond.
    await tx.vaultSample.createMany({
      data: [{ vaultId, at, ...sizes, recoveryPoints: points._count }],
      skipDuplicates: true,
    });
    await tx.vault.update({ where: { id: vaultId }, data: { ...sizes, measuredAt: at }, select: { id: true } });
  });
}
