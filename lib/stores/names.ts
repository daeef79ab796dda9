import { AppError } from '#lib/errors.ts';

const SEGMENT = /^[A-Za-z0-9._-]{1,255}$/;

function isSafe(name: string): boolean {
  return name.split('/').every((segment) => SEGMENT.test(segment) && segment !== '.' && segment !== '..');
}

/** The name itself when it follows the rules of store.ts. Every store calls it before anything else. */
export function storeName(name: string): string {
  if (!isSafe(name)) throw new AppError('internal', `"${name.slice(0, 300)}" is not a name a store takes.`);
  return name;
}

/** As storeName() for the prefix of a listing: empty, or a folder that ends in '/'. */
export function storePrefix(prefix: string): string {
  if (prefix === '') return prefix;
  if (!prefix.endsWith('/')) throw new AppError('internal', `"${prefix.slice(0, 300)}" is not a folder of a store.`);
  storeName(prefix.slice(0, -1));
  return prefix;
}

export function shortObject(name: string, range: { offset: number; length: number }, size: number): AppError {
  return new AppError('repository-damaged', {
    message: `${name} has ${size} bytes; bytes ${range.offset} to ${range.offset + range.length} were asked for.`,
  });
}

export function noObject(name: string, location: string, cause?: unknown): AppError {
  return new AppError('not-found', { message: `There is no ${name} in ${location}.`, cause });
}
