// The policy that pages are sent with: scripts run only with this answer's nonce, so text that slips into a page stays text.

export function contentSecurityPolicy(nonce: string, options: { secure: boolean; production: boolean }): string {
  const directives = [
    "default-src 'none'",
    // strict-dynamic: Next's own scripts, loaded by the ones that carry the nonce. `next dev` compiles with eval.
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${options.production ? '' : " 'unsafe-eval'"}`,
    // `next dev` writes style elements of its own; a nonce beside 'unsafe-inline' would cancel it.
    `style-src-elem 'self' ${options.production ? `'nonce-${nonce}'` : "'unsafe-inline'"}`,
    // Widths and positions that components compute arrive as style attributes in the first HTML.
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  if (options.secure) directives.push('upgrade-insecure-requests');
  return directives.join('; ');
}

/** Two years, as browsers' preload lists ask; sub-domains are not ours to promise. */
export const HSTS = 'max-age=63072000';

/** Path and query of the page, for lib/http/page-session.ts: a layout is not told its address otherwise. */
export const PATH_HEADER = 'x-holdfast-path';
