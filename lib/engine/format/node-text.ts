// The two escapings a name in a tree goes through, byte for byte as Go does them, because the result is hashed:
// strconv.Quote (Go source, strconv/quote.go) first, then encoding/json with its HTML escaping (encoding/json/encode.go).
// Only code points newer than either side's Unicode table can come out differently.

import { AppError } from '#lib/errors.ts';
import { utf8SequenceLength } from './path-text.ts';

/** ASCII that neither strconv.Quote nor encoding/json touches: no '"', '&', '<', '>', '\' and no controls. */
const PLAIN = /^[ !#-%'-;=?-[\]-~]*$/;

/** Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const QUOTE_ESCAPES: Record<number, string> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

const UNQUOTE_ESCAPES: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function quoteBytes(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = utf8SequenceLength(bytes, at);
    if (length === 0) {
      text += `\\x${hex(bytes[at] as number, 2)}`;
      at += 1;
      continue;
    }
    const char = bytes.toString('utf8', at, at + length);
    const code = char.codePointAt(0) as number;
    at += length;
    const escaped = QUOTE_ESCAPES[code];
    if (escaped) text += escaped;
    else if (PRINTABLE.test(char)) text += char;
    else if (code < 0x20 || code === 0x7f) text += `\\x${hex(code, 2)}`;
    else text += code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  }
  return text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped.
const JSON_SPECIAL = /["\\<>&\u0000-\u001f\u2028\u2029]/g;
const JSON_SHORT: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  // Since Go 1.22, that is restic 0.17; older ones write \u0008 and \u000c.
  '\b': '\\b',
  '\f': '\\f',
};

/** A JSON string, quotes included, as Go marshals it. */
export function jsonString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return `"${text.replace(JSON_SPECIAL, (char) => JSON_SHORT[char] ?? `\\u${hex(char.charCodeAt(0), 4)}`)}"`;
}

/** A JSON string from bytes that may not be UTF-8: each byte that is not becomes \ufffd, as Go does. */
export function jsonStringFromBytes(bytes: Buffer): string {
  const plain = bytes.toString('latin1', 0, bytes.length);
  if (PLAIN.test(plain)) return `"${plain}"`;
  let text = '';
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = utf8SequenceLength(bytes, at);
    if (length === 0) {
      text += `${jsonString(bytes.toString('utf8', from, at)).slice(1, -1)}\\ufffd`;
      from = at + 1;
    }
    at += length || 1;
  }
  return `"${text}${jsonString(bytes.toString('utf8', from, bytes.length)).slice(1, -1)}"`;
}

export function isUtf8(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) {
    const length = utf8SequenceLength(bytes, at);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** The JSON text, quotes included, of a file name in a tree. */
export function jsonNodeName(name: Buffer): string {
  const plain = name.toString('latin1', 0, name.length);
  return PLAIN.test(plain) ? `"${plain}"` : jsonString(quoteBytes(name));
}

const ESCAPE = /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))?/g;
// What strconv.Unquote refuses unescaped between double quotes.
const FORBIDDEN = /["\n]/;

/** Bytes of a name from its parsed JSON string. Throws 'repository-damaged' where strconv.Unquote would fail. */
export function nodeNameBytes(text: string): Buffer {
  if (!text.includes('\\') && !FORBIDDEN.test(text)) return Buffer.from(text);
  const parts: Buffer[] = [];
  let from = 0;
  const keep = (raw: string) => {
    if (FORBIDDEN.test(raw)) throw badName(text);
    parts.push(Buffer.from(raw));
  };
  for (const match of text.matchAll(ESCAPE)) {
    const [whole, short, byte, unicode, long, octal] = match;
    keep(text.slice(from, match.index));
    from = match.index + whole.length;
    const code = Number.parseInt(unicode ?? long ?? '0', 16);
    if (short !== undefined) parts.push(Buffer.of(UNQUOTE_ESCAPES[short] as number));
    else if (byte !== undefined) parts.push(Buffer.from(byte, 'hex'));
    else if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8)));
    else if ((unicode ?? long) === undefined || code > 0x10ffff) throw badName(text);
    else if (code >= 0xd800 && code <= 0xdfff) throw badName(text);
    else parts.push(Buffer.from(String.fromCodePoint(code)));
  }
  keep(text.slice(from));
  return Buffer.concat(parts);
}

function badName(text: string): AppError {
  return new AppError('repository-damaged', `The name ${JSON.stringify(text)} in a tree is not quoted as restic does.`);
}
