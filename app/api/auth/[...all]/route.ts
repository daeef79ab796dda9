// The endpoints that exist here, and what they check, are in lib/http/auth-endpoints.ts.

import { authEndpoint } from '#lib/http/auth-endpoints.ts';

export const dynamic = 'force-dynamic';
export const POST = authEndpoint;
