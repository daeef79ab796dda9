// Opaque places in a list sorted by time, then id: what `nextCursor` carries.

import { AppError } from '#lib/errors.ts';

export interface TimeCursor {
  time: Date;
  id: string;
}

export function encodeTimeCursor({ time, id }: TimeCursor): string {
  return Buffer.from(`${time.toISOString()} ${id}`).toString('base64url');
}

export function decodeTimeCursor(cursor: string): TimeCursor {
  const [at = '', id = '', ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  const time = new Date(at);
  if (Number.isNaN(time.getTime()) || id === '' || rest.length > 0) {
    throw new AppError('invalid-input', {
      message: 'The cursor is not one of ours.',
      hint: 'Start at the first page.',
    });
  }
  return { time, id };
}
