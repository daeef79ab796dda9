import { type Actor, type Permission, roleMay } from '#lib/contracts/access.ts';
import { AppError } from '#lib/errors.ts';

/** Throws `forbidden` unless the actor's role has the permission. First line of every use-case. */
export function requirePermission(actor: Actor, permission: Permission): void {
  if (roleMay(actor.role, permission)) return;
  throw new AppError('forbidden', {
    message: `Your role (${actor.role}) may not do this.`,
    hint: `Ask an owner for a role with the permission "${permission}".`,
  });
}
