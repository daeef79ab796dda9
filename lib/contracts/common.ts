// Building blocks of every contract. All that crosses a wire is parsed by these schemas on both sides.

import { z } from 'zod';

export const entityId = z.uuid();
/** RFC 3339 in UTC. */
export const instant = z.iso.datetime({ offset: true });
/** Bytes or counts; JSON numbers are exact up to 2^53 (8 PiB). */
export const count = z.number().int().nonnegative();
export const hexId = z.string().regex(/^[0-9a-f]{64}$/);

/** A path or name as text that loses nothing (engine's PathText). */
export const pathText = z.string().max(32_768);

/** A person's name for a vault or a source. */
export const displayName = z
  .string()
  .trim()
  .min(1, 'Give it a name.')
  .max(80, 'Keep the name within 80 characters.')
  .regex(/^[^\p{Cc}]+$/u, 'A name is one line without control characters.');

/** An absolute path of a folder on a worker's machine. */
export const absolutePath = z
  .string()
  .min(1, 'Give a folder.')
  .max(4096, 'The path is longer than 4,096 characters.')
  .refine((path) => path.startsWith('/'), 'Give an absolute path: one that starts with "/".')
  .refine((path) => !path.includes('\0'), 'A path cannot contain a NUL character.');

export const listQuery = z.object({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

export function page<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    /** Give it back as `cursor` for the next page; null at the end. */
    nextCursor: z.string().nullable(),
  });
}
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** RFC 9457 problem+json. `type` is urn:holdfast:<code>. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** What failed, on what. */
  detail: z.string(),
  /** What to do about it. */
  hint: z.string().optional(),
  code: z.string(),
  /** Field errors by dotted path. */
  fields: z.record(z.string(), z.string()).optional(),
  requestId: z.string().optional(),
});
export type ProblemBody = z.infer<typeof problem>;
