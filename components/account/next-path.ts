/**
 * Where to go after signing in: a path of this console, never another site. A value such as "//evil.example" or
 * "/\evil.example" would leave it; browsers read both as a host.
 */
export function nextPath(given: string | null): string {
  if (given === null || !given.startsWith('/') || /^\/[/\\]/.test(given)) return '/';
  const here = 'https://console.invalid';
  try {
    const url = new URL(given, here);
    return url.origin === here ? `${url.pathname}${url.search}` : '/';
  } catch {
    return '/';
  }
}
