import type { SourceView } from '#lib/contracts/sources.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

/** The vault a backup would go to without asking: where the last point is, else the only one. */
export function usualVault(source: Pick<SourceView, 'lastPoint'>, vaults: readonly VaultView[]): VaultView | undefined {
  const last = vaults.find((vault) => vault.id === source.lastPoint?.vaultId);
  return last ?? (vaults.length === 1 ? vaults[0] : undefined);
}
