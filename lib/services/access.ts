// Who someone is and what they may do. Every service call that acts for a person begins with requirePermission() of ./permission.ts.
// better-auth keeps sessions and passwords; which of its endpoints exist is decided in lib/http/auth-endpoints.ts.

import { betterAuth } from 'better-auth';
import { config } from '#lib/config.ts';
import { type Actor, PERMISSIONS, type Permission, role, roleMay, type SessionView } from '#lib/contracts/access.ts';
import { insertAudit } from '#lib/db/audit.ts';
import {
  authDatabase,
  countTry,
  deleteSession,
  findUser,
  forgetTries,
  listSessions,
  sessionExists,
} from '#lib/db/users.ts';
import { AppError } from '#lib/errors.ts';
import { logger } from '#lib/logger.ts';
import { masterKey } from '#lib/secrets/instance.ts';

const DAY_SECONDS = 86_400;
const SESSION_DAYS = 14;
export const PASSWORD_LENGTH = { min: 12, max: 256 };

async function makeAuth() {
  const { url, secure } = config();
  return betterAuth({
    appName: 'Holdfast',
    baseURL: url,
    basePath: '/api/auth',
    secret: (await masterKey()).derive('sessions/v1').toString('base64url'),
    database: authDatabase(),
    trustedOrigins: [url],
    emailAndPassword: {
      enabled: true,
      // People come in through set-up and, later, invitations: nobody signs up.
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.min,
      maxPasswordLength: PASSWORD_LENGTH.max,
    },
    user: { additionalFields: { role: { type: 'string', input: false, required: false } } },
    session: { expiresIn: SESSION_DAYS * DAY_SECONDS, updateAge: DAY_SECONDS },
    // Ours counts per account as well as per address: lib/http/auth-endpoints.ts.
    rateLimit: { enabled: false },
    advanced: {
      cookiePrefix: 'holdfast',
      useSecureCookies: secure,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', secure, path: '/' },
      ipAddress: { ipAddressHeaders: ['x-holdfast-peer'] },
      // lib/http/origin.ts has checked the origin, with the addresses of this very server, before better-auth sees a request.
      disableOriginCheck: true,
    },
    telemetry: { enabled: false },
    logger: { level: 'error', log: (_level, message) => logger('access').error(message) },
  });
}

export type Auth = Awaited<ReturnType<typeof makeAuth>>;
const holder = globalThis as typeof globalThis & { holdfastAuth?: Promise<Auth> };

export function auth(): Promise<Auth> {
  if (!holder.holdfastAuth) {
    const making = makeAuth();
    holder.holdfastAuth = making;
    making.catch(() => delete holder.holdfastAuth);
  }
  return holder.holdfastAuth;
}

/** For tests, which change configuration and database. */
export function forgetAuth(): void {
  delete holder.holdfastAuth;
}

export interface Authenticated {
  actor: Actor;
  sessionId: string;
  /** Cookies to pass on: set when the session was prolonged. */
  setCookies: string[];
}

/** The person a request's cookies name; null when nobody is signed in. The role is read with the session, so a change counts at once. */
export async function authenticate(headers: Headers, ipAddress: string): Promise<Authenticated | null> {
  if (!headers.has('cookie')) return null;
  const found = await (await auth()).api.getSession({ headers, returnHeaders: true });
  if (found.response === null) return null;
  const { user, session } = found.response;
  return {
    actor: { userId: user.id, email: user.email, role: role.parse(user.role), ipAddress },
    sessionId: session.id,
    setCookies: found.headers.getSetCookie(),
  };
}

export async function sessionView(actor: Actor): Promise<SessionView> {
  const user = await findUser(actor.userId);
  if (user === null) throw new AppError('unauthenticated', 'You are not signed in.');
  const permissions = (Object.keys(PERMISSIONS) as Permission[]).filter((permission) => roleMay(user.role, permission));
  return { user, permissions };
}

export async function ownSessions(actor: Actor, currentId: string, now: Date) {
  const sessions = await listSessions(actor.userId, now);
  return sessions.map((session) => ({
    id: session.id,
    createdAt: session.createdAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    ipAddress: session.ipAddress || null,
    userAgent: session.userAgent || null,
    current: session.id === currentId,
  }));
}

/** Whether a stream that was opened with it may go on. */
export function sessionIsAlive(id: string): Promise<boolean> {
  return sessionExists(id, new Date());
}

/** Ends one of the actor's own sessions. */
export async function endSession(actor: Actor, id: string): Promise<void> {
  const audit = { actor, action: 'session.end', subjectKind: 'session', subjectId: id };
  if (!(await deleteSession(actor.userId, id, audit))) throw new AppError('not-found', 'There is no such session.');
}

export interface TryRule {
  max: number;
  windowSeconds: number;
}

/** Throws `rate-limited`, with the seconds to wait in `retryAfterSeconds`, when one of the keys was tried too often. */
export async function limitTries(keys: Record<string, TryRule>): Promise<void> {
  for (const [key, rule] of Object.entries(keys)) {
    const { allowed, retryAfterSeconds } = await countTry(key, rule);
    if (!allowed) throw new TooManyTries(retryAfterSeconds);
  }
}

export { forgetTries };

export class TooManyTries extends AppError {
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super('rate-limited', {
      message: 'There were too many tries.',
      hint: `Wait ${retryAfterSeconds} seconds, then try again.`,
      retryable: true,
    });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Sign-ins, failed ones too, and password changes: what a person asks about after a theft. */
export async function auditAccess(
  action: 'session.start' | 'session.refused' | 'session.end' | 'password.change',
  who: { email: string; ipAddress: string },
  subjectId: string,
): Promise<void> {
  await insertAudit({ actor: who, action, subjectKind: 'user', subjectId, subjectName: who.email });
}
