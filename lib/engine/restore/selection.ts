// What of a snapshot is restored: paths, and patterns as restic's restore takes them. A pattern is matched name by name
// with * ? [a-z] and \ ; ** stands for any number of names. One that starts with / is matched from the top of what is
// restored, any other one anywhere; what it fits is meant with everything below. A ! in front takes back what an earlier
// pattern chose. (restic, internal/filter)

import { AppError } from '#lib/errors.ts';
import type { PathText, RestorePatterns } from '../types.ts';

/** 'above': a folder that is not meant itself, but something below it may be. */
export type Choice = 'yes' | 'above' | 'no';

const ANY_DEPTH = '**';

interface Pattern {
  negated: boolean;
  rooted: boolean;
  parts: readonly (RegExp | typeof ANY_DEPTH)[];
  anyCase: boolean;
}

export function compilePattern(text: string, anyCase = false): Pattern {
  const negated = text.startsWith('!');
  const body = negated ? text.slice(1) : text;
  const names = body.split('/').filter((name) => name !== '' && name !== '.');
  if (names.length === 0) throw new AppError('invalid-input', `The pattern "${text}" names nothing.`);
  const parts = names.map((name) => (name === ANY_DEPTH ? ANY_DEPTH : nameExpression(name, text, anyCase)));
  return { negated, rooted: body.startsWith('/'), parts, anyCase };
}

function nameExpression(glob: string, whole: string, anyCase: boolean): RegExp {
  let source = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] as string;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '\\' && at + 1 < glob.length) source += escaped(glob[++at] as string);
    else if (char === '[') {
      const end = endOfClass(glob, at);
      if (end < 0) throw new AppError('invalid-input', `The pattern "${whole}" has a "[" without its "]".`);
      const inner = glob.slice(at + 1, end);
      const body = inner.replace(/^[!^]/, '').replace(/\\?(.)/gsu, (_, member: string) => classMember(member));
      source += `[${/^[!^]/.test(inner) ? '^' : ''}${body}]`;
      at = end;
    } else source += escaped(char);
  }
  try {
    return new RegExp(`^${source}$`, anyCase ? 'isu' : 'su');
  } catch (cause) {
    throw new AppError('invalid-input', { message: `The pattern "${whole}" cannot be understood.`, cause });
  }
}

function endOfClass(glob: string, open: number): number {
  for (let at = open + 2; at < glob.length; at++) {
    if (glob[at] === '\\') at += 1;
    else if (glob[at] === ']') return at;
  }
  return -1;
}

function escaped(char: string): string {
  return /[$()*+.?[\\\]^{|}/]/.test(char) ? `\\${char}` : char;
}

function classMember(char: string): string {
  return /[[\\\]^]/.test(char) ? `\\${char}` : char;
}

/** Whether the pattern fits the path or a folder above it. */
export function patternFits(pattern: Pattern, names: readonly string[]): boolean {
  const last = pattern.rooted ? 0 : names.length - 1;
  for (let offset = 0; offset <= last; offset++) if (fitsAt(pattern.parts, 0, names, offset)) return true;
  return false;
}

function fitsAt(parts: Pattern['parts'], part: number, names: readonly string[], at: number): boolean {
  if (part === parts.length) return true;
  const wanted = parts[part] as RegExp | typeof ANY_DEPTH;
  if (wanted === ANY_DEPTH) {
    // At the end it means everything below, but not the folder itself.
    if (part === parts.length - 1) return at < names.length;
    for (let next = at; next < names.length; next++) if (fitsAt(parts, part + 1, names, next)) return true;
    return false;
  }
  return at < names.length && wanted.test(names[at] as string) && fitsAt(parts, part + 1, names, at + 1);
}

/** Whether something below the folder can fit. */
function mayFitBelow({ rooted, parts }: Pattern, names: readonly string[]): boolean {
  if (!rooted) return true;
  for (let i = 0; i < names.length && i < parts.length; i++) {
    const part = parts[i] as RegExp | typeof ANY_DEPTH;
    if (part === ANY_DEPTH) return true;
    if (!part.test(names[i] as string)) return false;
  }
  return true;
}

export class Selection {
  readonly #paths: Set<PathText>;
  /** Paths above included ones. */
  readonly #above = new Set<PathText>();
  readonly #found = new Set<PathText>();
  readonly #include: readonly Pattern[];
  readonly #exclude: readonly Pattern[];

  /** `paths` inside the snapshot; the patterns are about what is below the folder that is restored. */
  constructor(paths: readonly PathText[], patterns: RestorePatterns = {}) {
    this.#paths = new Set(paths.map(cleanPath).filter((path) => path !== '/'));
    for (const path of this.#paths) {
      for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
        this.#above.add(path.slice(0, at));
    }
    const compile = (exact: readonly string[] = [], anyCase: readonly string[] = []) => [
      ...exact.map((text) => compilePattern(text)),
      ...anyCase.map((text) => compilePattern(text, true)),
    ];
    this.#include = compile(patterns.include, patterns.includeAnyCase);
    this.#exclude = compile(patterns.exclude, patterns.excludeAnyCase);
  }

  /** Everything is restored. */
  get all(): boolean {
    return this.includesAll && this.#exclude.length === 0;
  }

  get includesAll(): boolean {
    return this.#paths.size === 0 && this.#include.length === 0;
  }

  /** Whether choose() needs the names along the path. */
  get hasPatterns(): boolean {
    return this.#include.length + this.#exclude.length > 0;
  }

  /** `names`: the path below the restored folder as text, needed only with patterns. */
  choose(path: PathText, names: readonly string[], isFolder: boolean): Choice {
    const included = this.#included(path, names, isFolder);
    if (included === 'no' || this.#exclude.length === 0) return included;
    if (!lastWord(this.#exclude, names)) return included;
    // What a later "!" takes back may lie below an excluded folder.
    return isFolder && this.#exclude.some((pattern) => pattern.negated && mayFitBelow(pattern, names)) ? 'above' : 'no';
  }

  #included(path: PathText, names: readonly string[], isFolder: boolean): Choice {
    if (this.includesAll) return 'yes';
    for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1)) {
      const part = path.slice(0, at);
      if (!this.#paths.has(part)) continue;
      this.#found.add(part);
      return 'yes';
    }
    if (this.#include.length > 0 && lastWord(this.#include, names)) return 'yes';
    if (!isFolder) return 'no';
    if (this.#above.has(path)) return 'above';
    return this.#include.some((pattern) => !pattern.negated && mayFitBelow(pattern, names)) ? 'above' : 'no';
  }

  /** Paths that were asked for and never seen. */
  missing(): PathText[] {
    return [...this.#paths].filter((path) => !this.#found.has(path));
  }
}

/** What the last pattern that fits says. */
function lastWord(patterns: readonly Pattern[], names: readonly string[]): boolean {
  let said = false;
  for (const pattern of patterns) if (said === pattern.negated && patternFits(pattern, names)) said = !pattern.negated;
  return said;
}

export function cleanPath(path: PathText): PathText {
  return `/${path
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`;
}
