// File names are bytes; screens, JSON and command lines want text. PathText is text from which the bytes can always
// be had back: see the type in ../types.ts. Everything outside the engine passes names around as PathText only.

import { AppError } from '#lib/errors.ts';
import type { PathText } from '../types.ts';

const SHORT_ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };

/**
 * Characters that never appear raw: backslash, controls, line separators, the mark of a failed decoding, and the bidi
 * overrides with which a name can be made to look like another one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const UNSAFE = /[\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]/;
const UNSAFE_ALL = new RegExp(UNSAFE.source, 'g');

const ESCAPE = /\\(?:([\\nrt])|x([0-9a-fA-F]{2}))|\\/g;
const UNESCAPED: Record<string, string> = { '\\': '\\', n: '\n', r: '\r', t: '\t' };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function hexEscapes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += `\\x${byte.toString(16).padStart(2, '0')}`;
  return text;
}

function escapeText(text: string): string {
  return text.replace(UNSAFE_ALL, (char) => {
    if (char === '\ufffd') return char;
    return SHORT_ESCAPES[char] ?? hexEscapes(Buffer.from(char));
  });
}

/** Length of the well-formed UTF-8 sequence at `at`, or 0 when the byte there belongs to none. */
export function utf8SequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (at + length > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  // The second byte also excludes overlong forms, surrogates and code points above U+10FFFF (Unicode, table 3-7).
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  return length;
}

/** Text for a file name or path given as bytes. */
export function pathTextFromBytes(bytes: Uint8Array): PathText {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const plain = buffer.toString('utf8', 0, buffer.length);
  if (!UNSAFE.test(plain)) return plain;
  try {
    return escapeText(utf8.decode(buffer));
  } catch {
    // Not UTF-8: keep what is, byte by byte escape what is not.
  }
  let text = '';
  for (let at = 0; at < buffer.length; ) {
    const length = utf8SequenceLength(buffer, at);
    if (length === 0) {
      text += hexEscapes(buffer.subarray(at, at + 1));
      at += 1;
    } else {
      text += escapeText(buffer.toString('utf8', at, at + length));
      at += length;
    }
  }
  return text;
}

/** The bytes a PathText stands for. Throws 'invalid-input' for a backslash that starts no known escape. */
export function bytesFromPathText(text: PathText): Buffer {
  if (!text.includes('\\')) return Buffer.from(text);
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const [whole, short, hex] = match;
    if (short === undefined && hex === undefined) {
      throw new AppError('invalid-input', {
        message: `The path "${text}" has a backslash that starts no escape.`,
        hint: 'Write a backslash in a name as \\\\, a byte as \\xNN.',
      });
    }
    parts.push(Buffer.from(text.slice(from, match.index)));
    parts.push(short === undefined ? Buffer.from(hex as string, 'hex') : Buffer.from(UNESCAPED[short] as string));
    from = match.index + whole.length;
  }
  parts.push(Buffer.from(text.slice(from)));
  return Buffer.concat(parts);
}

/** Path of an entry in a folder; both as PathText. */
export function joinPathText(folder: PathText, name: PathText): PathText {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** Names along a path inside a snapshot, '/' giving none. Refuses '..' and '.'; doubled slashes count once. */
export function splitPathText(path: PathText): Buffer[] {
  const names = path.split('/').filter((name) => name !== '');
  if (names.some((name) => name === '..' || name === '.')) {
    throw new AppError('invalid-input', `The path "${path}" must not contain "." or "..".`);
  }
  return names.map(bytesFromPathText);
}
