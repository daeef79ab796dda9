// What PostgreSQL says about a name that is taken, in words.

import { AppError } from '#lib/errors.ts';
import { Prisma } from './generated/client.ts';

export function uniqueViolation(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}

export function nameTaken(noun: string, name: string): AppError {
  return new AppError('conflict', {
    message: `There is already a ${noun} called "${name}".`,
    hint: 'Choose another name.',
    fields: { name: `Another ${noun} has this name.` },
  });
}
