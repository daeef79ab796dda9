// Every API route is made by route(): it parses, authenticates, authorises, calls its handler and answers. A route names a
// permission or says in so many words that it is public; app/api/routes.test.ts fails for a file that does neither.

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { config } from '#lib/config.ts';
import type { Actor, Permission } from '#lib/contracts/access.ts';
import { AppError } from '#lib/errors.ts';
import { authenticate } from '#lib/services/access.ts';
import { requirePermission } from '#lib/services/permission.ts';
import { requireKnownHost, requireSameOrigin } from './origin.ts';
import { PEER_HEADER } from './peer.ts';
import { invalidInput, problemResponse } from './problem.ts';

/** An include list of 10,000 paths is the largest thing anyone sends. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface RouteSpec<Params, Query, Body, Answer> {
  /** 'signed-in': whoever has a session, about themselves. 'public': anyone who reaches the server. */
  permission: Permission | 'signed-in' | 'public';
  summary: string;
  params?: z.ZodType<Params>;
  query?: z.ZodType<Query>;
  body?: z.ZodType<Body>;
  /** 'stream': the handler answers with a Response of its own. Absent: 204. */
  response?: z.ZodType<Answer> | 'stream';
  /** Default 200, or 204 without a response. */
  status?: number;
}

export interface RouteCall<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  /** Fires when the browser went away. */
  signal: AbortSignal;
  headers: Headers;
  ipAddress: string;
  requestId: string;
  now: Date;
}

export interface SignedInCall<Params, Query, Body> extends RouteCall<Params, Query, Body> {
  actor: Actor;
  sessionId: string;
}

export interface RouteHandler {
  (request: Request, context: { params: Promise<Record<string, string | string[] | undefined>> }): Promise<Response>;
  spec: RouteSpec<unknown, unknown, unknown, unknown>;
}

type Handler<Call, Answer> = (call: Call) => Promise<Answer | Response> | Answer | Response;

export function route<Params = unknown, Query = unknown, Body = unknown, Answer = void>(
  spec: RouteSpec<Params, Query, Body, Answer> & { permission: 'public' },
  handler: Handler<RouteCall<Params, Query, Body>, NoInfer<Answer>>,
): RouteHandler;
export function route<Params = unknown, Query = unknown, Body = unknown, Answer = void>(
  spec: RouteSpec<Params, Query, Body, Answer> & { permission: Permission | 'signed-in' },
  handler: Handler<SignedInCall<Params, Query, Body>, NoInfer<Answer>>,
): RouteHandler;
export function route<Params, Query, Body, Answer>(
  spec: RouteSpec<Params, Query, Body, Answer>,
  // biome-ignore lint/suspicious/noExplicitAny: the overloads above give each handler the call it is promised
  handler: Handler<any, Answer>,
): RouteHandler {
  const handle = async (
    request: Request,
    context: { params: Promise<Record<string, string | string[] | undefined>> },
  ) => {
    // Next answers HEAD with what GET gives and never reads its body: the stream would never end, and what GET does would be done.
    if (spec.response === 'stream' && request.method === 'HEAD') {
      return new Response(null, { status: 405, headers: { allow: 'GET', 'cache-control': 'no-store' } });
    }
    const requestId = randomUUID();
    try {
      requireKnownHost(request, config().url);
      requireSameOrigin(request, config().url);
      const ipAddress = request.headers.get(PEER_HEADER) ?? 'unknown';
      const signedIn = spec.permission === 'public' ? null : await requireSession(request, ipAddress);
      if (signedIn && spec.permission !== 'public' && spec.permission !== 'signed-in') {
        requirePermission(signedIn.actor, spec.permission);
      }
      const call = {
        params: parseParams(spec.params, await context.params),
        query: parseQuery(spec.query, request.url),
        body: await parseBody(spec.body, request),
        signal: request.signal,
        headers: request.headers,
        ipAddress,
        requestId,
        now: new Date(),
        ...(signedIn ? { actor: signedIn.actor, sessionId: signedIn.sessionId } : {}),
      };
      const response = answer(spec, await handler(call));
      for (const cookie of signedIn?.setCookies ?? []) response.headers.append('set-cookie', cookie);
      if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store');
      response.headers.set('x-request-id', requestId);
      return response;
    } catch (error) {
      return problemResponse(error, requestId);
    }
  };
  return Object.assign(handle, { spec: spec as RouteHandler['spec'] });
}

async function requireSession(request: Request, ipAddress: string) {
  const signedIn = await authenticate(request.headers, ipAddress);
  if (signedIn) return signedIn;
  throw new AppError('unauthenticated', { message: 'You are not signed in.', hint: 'Sign in, then try again.' });
}

/** An id that cannot be one is an id that does not exist. */
function parseParams<T>(schema: z.ZodType<T> | undefined, given: unknown): T | undefined {
  const parsed = schema?.safeParse(given);
  if (parsed?.success === false) throw new AppError('not-found', 'There is nothing at this address.');
  return parsed?.data;
}

function parseQuery<T>(schema: z.ZodType<T> | undefined, url: string): T | undefined {
  if (schema === undefined) return undefined;
  const { searchParams } = new URL(url);
  const given: Record<string, string | string[]> = {};
  for (const name of new Set(searchParams.keys())) {
    const values = searchParams.getAll(name);
    given[name] = values.length === 1 ? (values[0] as string) : values;
  }
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalidInput('address', parsed.error.issues);
  return parsed.data;
}

async function parseBody<T>(schema: z.ZodType<T> | undefined, request: Request): Promise<T | undefined> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  // Forms of other sites can send every type but this one; a type is refused even where no body is read.
  if (request.method !== 'GET' && type !== undefined && type !== 'application/json') {
    throw new AppError('invalid-input', { message: `The body is ${type}.`, hint: 'Send application/json.' });
  }
  if (schema === undefined) return undefined;
  if (type === undefined)
    throw new AppError('invalid-input', { message: 'The body has no type.', hint: 'Send application/json.' });
  let given: unknown;
  try {
    given = JSON.parse(await readText(request, MAX_BODY_BYTES));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('invalid-input', { message: 'The body is not JSON.', cause: error });
  }
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw invalidInput('input', parsed.error.issues);
  return parsed.data;
}

/** Stops at `max` bytes: whoever sends more must not fill the memory. */
export async function readText(request: Request, max: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > max) throw new AppError('invalid-input', `The body is larger than ${max} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The contract also cuts what it does not name: a field that a query brought along does not reach the browser. */
function answer<T>(
  spec: Pick<RouteSpec<unknown, unknown, unknown, T>, 'response' | 'status'>,
  result: T | Response,
): Response {
  if (result instanceof Response) return result;
  if (spec.response === undefined) return new Response(null, { status: spec.status ?? 204 });
  if (spec.response === 'stream') throw new Error('a stream route must answer with a Response');
  return Response.json(spec.response.parse(result), { status: spec.status ?? 200 });
}

export const idParams = z.object({ id: z.uuid() });
