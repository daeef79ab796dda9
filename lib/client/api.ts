// The browser's only way to the server. Every answer is parsed by its contract, every failure becomes an ApiError that a
// screen can show as it is: what failed, on what, what to do.

import type { z } from 'zod';
import { type ProblemBody, problem } from '#lib/contracts/common.ts';

export const API_BASE = '/api/v1';

export interface ApiErrorFacts {
  /** HTTP status; 0 when no answer came. */
  status: number;
  code: string;
  /** What failed, on what. */
  detail: string;
  /** What to do about it. */
  hint?: string | undefined;
  /** Field errors by dotted path. */
  fields?: Record<string, string> | undefined;
  requestId?: string | undefined;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint: string | undefined;
  readonly fields: Record<string, string> | undefined;
  readonly requestId: string | undefined;

  constructor(facts: ApiErrorFacts, cause?: unknown) {
    super(facts.detail, { cause });
    this.name = 'ApiError';
    this.status = facts.status;
    this.code = facts.code;
    this.detail = facts.detail;
    this.hint = facts.hint;
    this.fields = facts.fields;
    this.requestId = facts.requestId;
  }

  /** True when the same request may succeed later without anyone changing anything. */
  get retryable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

type QueryValue = string | number | boolean | null | undefined | readonly string[];

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown;
  /** Empty values are left out; an array repeats the name. */
  query?: Readonly<Record<string, QueryValue>>;
  signal?: AbortSignal | undefined;
  /** Signed out is an answer here (sign-in, set-up), not a reason to leave the page. */
  anonymous?: boolean;
  /** Another door of the same server than the API. */
  base?: string;
}

/** Path under /api/v1 with its query, for fetches and for links that download. */
export function apiUrl(path: string, query: Readonly<Record<string, QueryValue>> = {}, base = API_BASE): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  const text = params.toString();
  return `${base}${path}${text === '' ? '' : `?${text}`}`;
}

/** Throws ApiError for everything but an answer that fits the contract; AbortError passes through. */
export async function api<S extends z.ZodType>(
  answer: S,
  path: string,
  request: ApiRequest = {},
): Promise<z.output<S>> {
  const method = request.method ?? 'GET';
  const response = await send(apiUrl(path, request.query, request.base), method, request);
  if (!response.ok) throw await failure(response, request.anonymous === true);
  const body: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  const parsed = answer.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ApiError(
    {
      status: response.status,
      code: 'unexpected-answer',
      detail: `The answer to ${method} ${path} was not understood: ${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'unknown'}.`,
      hint: 'The console was probably updated meanwhile. Reload the page.',
      requestId: response.headers.get('x-request-id') ?? undefined,
    },
    parsed.error,
  );
}

async function send(url: string, method: string, request: ApiRequest): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: request.signal ?? null,
      headers: { accept: 'application/json', ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
      // The server takes unsafe methods only as JSON (a form of another site cannot send that), so an empty body is {}.
      ...(method === 'GET' ? {} : { body: JSON.stringify(request.body ?? {}) }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(
      {
        status: 0,
        code: 'unreachable',
        detail: 'The console does not answer.',
        hint: 'Check that Holdfast is running and that the network reaches it. Nothing was lost: this page tries again.',
      },
      error,
    );
  }
}

async function failure(response: Response, anonymous: boolean): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (response.status === 401 && !anonymous) leaveForSignIn();
  const parsed = problem.safeParse(body);
  return new ApiError(parsed.success ? factsOf(parsed.data) : factsWithoutProblem(response));
}

function factsOf(body: ProblemBody): ApiErrorFacts {
  return {
    status: body.status,
    code: body.code,
    detail: body.detail,
    hint: body.hint,
    fields: body.fields,
    requestId: body.requestId,
  };
}

function factsWithoutProblem(response: Response): ApiErrorFacts {
  return {
    status: response.status,
    code: response.status === 401 ? 'unauthenticated' : 'no-problem-body',
    detail: `The server answered ${response.status} ${response.statusText} to ${new URL(response.url).pathname} without saying why.`,
    hint: 'A proxy in between may have answered. Try again; if it stays, look into the log of the web process.',
    requestId: response.headers.get('x-request-id') ?? undefined,
  };
}

let leaving = false;

/** The session ended: sign in, then come back to this very page. Several requests may find out at once; one leaves. */
function leaveForSignIn(): void {
  if (typeof window === 'undefined' || leaving || window.location.pathname === '/sign-in') return;
  leaving = true;
  const here = `${window.location.pathname}${window.location.search}`;
  window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

/** Whatever was thrown, as something to show. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(
    {
      status: 0,
      code: 'browser',
      detail: `The page failed: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'Reload the page. If it happens again, report it with these details.',
    },
    error,
  );
}
