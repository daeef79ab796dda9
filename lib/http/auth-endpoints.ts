// better-auth behind our door: only the endpoints below exist, tries are counted per address and per account, failures come as
// problems, and no answer carries a session token (the cookie does, where no script can read it).

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { config } from '#lib/config.ts';
import { newPassword } from '#lib/contracts/access.ts';
import { AppError } from '#lib/errors.ts';
import { auditAccess, auth, authenticate, forgetTries, limitTries } from '#lib/services/access.ts';
import { requireKnownHost, requireSameOrigin } from './origin.ts';
import { PEER_HEADER } from './peer.ts';
import { invalidInput, problemResponse } from './problem.ts';
import { readText } from './route.ts';

const FIVE_MINUTES = 300;
const SIGN_INS_OF_AN_ADDRESS = { max: 30, windowSeconds: FIVE_MINUTES };
const SIGN_INS_OF_AN_ACCOUNT = { max: 10, windowSeconds: FIVE_MINUTES };
const PASSWORD_CHANGES = { max: 5, windowSeconds: FIVE_MINUTES };
/** Far above any email and password. */
const MAX_BODY_BYTES = 4096;

const signInBody = z.object({ email: z.string().min(1).max(254), password: z.string().min(1).max(256) });
const changePasswordBody = z.object({ currentPassword: z.string().min(1).max(256), newPassword });

interface Call {
  request: Request;
  ipAddress: string;
}

const ENDPOINTS: Record<string, (call: Call) => Promise<Response>> = {
  '/api/auth/sign-in/email': signIn,
  '/api/auth/sign-out': signOut,
  '/api/auth/change-password': changePassword,
};

export async function authEndpoint(request: Request): Promise<Response> {
  const requestId = randomUUID();
  try {
    requireKnownHost(request, config().url);
    requireSameOrigin(request, config().url);
    const endpoint = ENDPOINTS[new URL(request.url).pathname];
    if (endpoint === undefined || request.method !== 'POST') {
      throw new AppError('not-found', 'There is nothing at this address.');
    }
    const response = await endpoint({ request, ipAddress: request.headers.get(PEER_HEADER) ?? 'unknown' });
    response.headers.set('cache-control', 'no-store');
    response.headers.set('x-request-id', requestId);
    return response;
  } catch (error) {
    return problemResponse(error, requestId);
  }
}

async function signIn({ request, ipAddress }: Call): Promise<Response> {
  const body = await readBody(request, signInBody);
  const account = `sign-in:account:${body.email.toLowerCase()}`;
  await limitTries({ [`sign-in:address:${ipAddress}`]: SIGN_INS_OF_AN_ADDRESS, [account]: SIGN_INS_OF_AN_ACCOUNT });
  const who = { email: body.email.toLowerCase(), ipAddress };
  const response = await (await auth()).api.signInEmail({ body, headers: request.headers, asResponse: true });
  if (!response.ok) {
    await auditAccess('session.refused', who, who.email);
    throw new AppError('unauthenticated', {
      message: 'Email and password do not match.',
      hint: 'Check both; capital letters count in the password.',
    });
  }
  const { user } = (await response.json()) as { user: { id: string } };
  await auditAccess('session.start', who, user.id);
  await forgetTries(account);
  return done(response);
}

async function signOut({ request, ipAddress }: Call): Promise<Response> {
  const signedIn = await authenticate(request.headers, ipAddress);
  const response = await (await auth()).api.signOut({ headers: request.headers, asResponse: true });
  if (signedIn) await auditAccess('session.end', { email: signedIn.actor.email, ipAddress }, signedIn.actor.userId);
  return done(response);
}

async function changePassword({ request, ipAddress }: Call): Promise<Response> {
  const signedIn = await authenticate(request.headers, ipAddress);
  if (signedIn === null) throw new AppError('unauthenticated', 'You are not signed in.');
  const body = await readBody(request, changePasswordBody);
  await limitTries({ [`change-password:${signedIn.actor.userId}`]: PASSWORD_CHANGES });
  const response = await (await auth()).api.changePassword({
    // A password is changed because someone may know it: every other session ends.
    body: { ...body, revokeOtherSessions: true },
    headers: request.headers,
    asResponse: true,
  });
  if (!response.ok) {
    throw new AppError('invalid-input', {
      message: 'The current password is not right.',
      fields: { currentPassword: 'This is not your current password.' },
    });
  }
  await auditAccess('password.change', { email: signedIn.actor.email, ipAddress }, signedIn.actor.userId);
  return done(response);
}

/** Signs in right after set-up: the cookies of the new session. */
export async function signInCookies(email: string, password: string, headers: Headers): Promise<string[]> {
  const response = await (await auth()).api.signInEmail({ body: { email, password }, headers, asResponse: true });
  return response.headers.getSetCookie();
}

async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  if (!request.headers.get('content-type')?.startsWith('application/json')) {
    throw new AppError('invalid-input', { message: 'The body is not JSON.', hint: 'Send application/json.' });
  }
  const text = await readText(request, MAX_BODY_BYTES);
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid-input', { message: 'The body is not JSON.', cause });
  }
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalidInput('input', parsed.error.issues);
  return parsed.data;
}

/** Only better-auth's cookies go out; its body holds the session token. */
function done(from: Response): Response {
  const response = Response.json({ ok: true });
  for (const cookie of from.headers.getSetCookie()) response.headers.append('set-cookie', cookie);
  return response;
}
