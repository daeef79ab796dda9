import { sessionOpened, setupRequest, setupState } from '#lib/contracts/access.ts';
import { signInCookies } from '#lib/http/auth-endpoints.ts';
import { route } from '#lib/http/route.ts';
import { completeSetup, setupState as readSetupState } from '#lib/services/setup.ts';

export const GET = route(
  { permission: 'public', summary: 'Whether the owner still has to be made', response: setupState },
  () => readSetupState(),
);

export const POST = route(
  {
    permission: 'public',
    summary: 'Make the owner with the one-time token, and sign in',
    body: setupRequest,
    response: sessionOpened,
  },
  async ({ body, ipAddress, headers, now }) => {
    const { email } = await completeSetup(body, ipAddress, now);
    const response = Response.json({ ok: true }, { status: 201 });
    for (const cookie of await signInCookies(email, body.password, headers))
      response.headers.append('set-cookie', cookie);
    return response;
  },
);
