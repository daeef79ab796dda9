'use client';

// Paths handed from browsing to the restore page: in the address while they fit there, else in the tab's own storage.

const ADDRESS_LIMIT = 4_000;
const STORAGE_PREFIX = 'holdfast-chosen:';

export function restoreHref(pointId: string, paths: readonly string[]): string {
  const base = `/recovery-points/${pointId}/restore`;
  if (paths.length === 0) return base;
  const params = new URLSearchParams(paths.map((path) => ['path', path]));
  if (params.toString().length <= ADDRESS_LIMIT) return `${base}?${params}`;
  try {
    window.sessionStorage.setItem(STORAGE_PREFIX + pointId, JSON.stringify(paths));
    return `${base}?chosen=kept`;
  } catch {
    // Storage refused (private mode) or full: a link that drops paths would restore too little, so all of them go along.
    return `${base}?${params}`;
  }
}

export function keptPaths(pointId: string): string[] {
  try {
    const kept: unknown = JSON.parse(window.sessionStorage.getItem(STORAGE_PREFIX + pointId) ?? '[]');
    return Array.isArray(kept) ? kept.filter((path) => typeof path === 'string') : [];
  } catch {
    return [];
  }
}
