// Answers that a browser saves. Content of a backup is foreign: never shown in the console's origin, always saved, whatever it is.

import { AppError } from '#lib/errors.ts';

/** Headers of a saved file. `name` may hold anything a file name can. */
export function attachment(name: string, type = 'application/octet-stream'): Record<string, string> {
  return {
    'content-type': type,
    'content-disposition': contentDisposition(name),
    'cache-control': 'private, no-store',
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  };
}

/** RFC 6266: the plain form for old programs, the extended one (RFC 8187) with every character. */
export function contentDisposition(name: string): string {
  const safe = fileName(name);
  const plain = safe.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  const extended = encodeURIComponent(safe).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${extended}`;
}

/** One path segment that every system takes: no separators, control characters or marks that turn the reading direction. */
function fileName(name: string): string {
  const cleaned = name
    .toWellFormed()
    .replace(/[/\\\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '_')
    .replace(/^\.+$/, '_')
    .slice(0, 200)
    .toWellFormed();
  return cleaned === '' ? 'download' : cleaned;
}

export interface ByteRange {
  start: number;
  /** Inclusive; absent: to the end. */
  end?: number;
}

/** One range from a first byte on, as a resumed download asks for it. Everything else is answered whole, which RFC 9110 allows. */
export function parseRange(header: string | null): ByteRange | undefined {
  const match = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(header ?? '');
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === undefined ? undefined : Number(match[2]);
  if (end !== undefined && end < start) return undefined;
  return end === undefined ? { start } : { start, end };
}

export interface Download {
  name: string;
  /** Bytes of the whole content, where known. */
  size?: number;
  /** What `content` begins and ends with (inclusive), when the range could be kept. */
  range?: { start: number; end: number };
  /** Names the content: the same tag, the same bytes. */
  etag?: string;
  content: AsyncIterable<Uint8Array>;
}

/** `open` gets the range to read, when one was asked for. Reading stops when the browser goes away. */
export async function downloadResponse(
  headers: Headers,
  open: (range: ByteRange | undefined) => Promise<Download>,
): Promise<Response> {
  const download = await open(headers.has('if-range') ? undefined : parseRange(headers.get('range')));
  const answer = new Headers(attachment(download.name));
  if (download.size !== undefined) answer.set('accept-ranges', 'bytes');
  if (download.etag !== undefined) answer.set('etag', download.etag);
  if (download.range !== undefined && download.size !== undefined) {
    const { start, end } = download.range;
    answer.set('content-range', `bytes ${start}-${end}/${download.size}`);
    answer.set('content-length', String(end - start + 1));
    return new Response(streamOf(download.content), { status: 206, headers: answer });
  }
  if (download.size !== undefined) answer.set('content-length', String(download.size));
  return new Response(streamOf(download.content), { headers: answer });
}

/** Pulled by the socket: nothing is read that the browser has not made room for. */
function streamOf(content: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const parts = content[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await parts.next();
          if (next.done) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          // The status was sent long ago: the connection is cut, so that half a file is not taken for a whole one.
          controller.error(error instanceof AppError ? new Error(error.message) : error);
        }
      },
      async cancel() {
        await parts.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
