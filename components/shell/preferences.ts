// What the browser remembers about the frame, in cookies the server reads: so the first paint is already right.

export type Theme = 'system' | 'light' | 'dark';

export const THEME_COOKIE = 'holdfast-theme';
export const RAIL_COOKIE = 'holdfast-rail';

const YEAR_SECONDS = 31_536_000;

export function parseTheme(value: string | undefined): Theme {
  return value === 'light' || value === 'dark' ? value : 'system';
}

function remember(name: string, value: string): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Firefox and over plain HTTP
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
}

const listeners = new Set<() => void>();

export function subscribeTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The theme on the page. */
export function currentTheme(): Theme {
  return parseTheme(document.documentElement.dataset.theme);
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  remember(THEME_COOKIE, theme);
  for (const listener of listeners) listener();
}

export function rememberRail(collapsed: boolean): void {
  remember(RAIL_COOKIE, collapsed ? 'narrow' : 'wide');
}
