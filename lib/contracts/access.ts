// Who may do what. One table; routes and services name a permission, never a role.

import { z } from 'zod';

export const role = z.enum(['owner', 'admin', 'operator', 'viewer']);
export type Role = z.infer<typeof role>;

export const PERMISSIONS = {
  'overview:read': ['owner', 'admin', 'operator', 'viewer'],
  'vault:read': ['owner', 'admin', 'operator', 'viewer'],
  'vault:create': ['owner', 'admin'],
  'vault:update': ['owner', 'admin'],
  'vault:check': ['owner', 'admin', 'operator'],
  // The kit opens everything in the vault, with or without Holdfast.
  'vault:recovery-kit': ['owner'],
  'source:read': ['owner', 'admin', 'operator', 'viewer'],
  'source:create': ['owner', 'admin'],
  'source:update': ['owner', 'admin'],
  'source:delete': ['owner', 'admin'],
  'source:backup': ['owner', 'admin', 'operator'],
  // Reading folder names of a host, for the folder picker.
  'host:browse': ['owner', 'admin', 'operator'],
  'recovery-point:read': ['owner', 'admin', 'operator', 'viewer'],
  'recovery-point:browse': ['owner', 'admin', 'operator'],
  'recovery-point:download': ['owner', 'admin', 'operator'],
  'restore:create': ['owner', 'admin', 'operator'],
  // With what a run says of paths: the file in hand, problems, the log. Only contents of recovery points ask for more.
  'run:read': ['owner', 'admin', 'operator', 'viewer'],
  'run:cancel': ['owner', 'admin', 'operator'],
  'run:retry': ['owner', 'admin', 'operator'],
  'worker:read': ['owner', 'admin', 'operator', 'viewer'],
  'audit:read': ['owner', 'admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof PERMISSIONS;

export function roleMay(given: Role, permission: Permission): boolean {
  return (PERMISSIONS[permission] as readonly Role[]).includes(given);
}

/** The signed-in person a service acts for. */
export interface Actor {
  userId: string;
  email: string;
  role: Role;
  ipAddress?: string;
}

export const sessionView = z.object({
  user: z.object({ id: z.string(), name: z.string(), email: z.string(), role }),
  permissions: z.array(z.string()),
});
export type SessionView = z.infer<typeof sessionView>;

/** bcrypt-like limits do not apply (scrypt), but a bound stops a megabyte of "password". */
export const newPassword = z
  .string()
  .min(12, 'Use at least 12 characters; a sentence works well.')
  .max(256, 'Keep the password within 256 characters.');

export const setupRequest = z.object({
  token: z.string().trim().min(1, 'Paste the set-up token that the terminal printed.').max(200),
  name: z.string().trim().min(1, 'Give your name.').max(80),
  email: z.email('Give an email address.').max(254),
  password: newPassword,
});
export type SetupRequest = z.infer<typeof setupRequest>;

export const setupState = z.object({ needed: z.boolean() });
export type SetupState = z.infer<typeof setupState>;

/** Answer of set-up: the session is in the cookies. */
export const sessionOpened = z.object({ ok: z.literal(true) });

export const sessionList = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      createdAt: z.iso.datetime(),
      expiresAt: z.iso.datetime(),
      ipAddress: z.string().nullable(),
      userAgent: z.string().nullable(),
      /** The session this very request came with. */
      current: z.boolean(),
    }),
  ),
});
export type SessionList = z.infer<typeof sessionList>;
