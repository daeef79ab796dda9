export interface MissingPackage {
  asker: string;
  name: string;
  version: string;
}
export function missingPackages(lock: { packages: Record<string, object> }): MissingPackage[];
