// Excludes are gitignore patterns, relative to the source they are given for. An absolute pattern below the source is
// taken relative to it. Names that are not UTF-8 are matched with U+FFFD for each bad byte, so that '*' and '?' work.

import ignore, { type Ignore } from 'ignore';

/** `ignore` remembers every path it was asked about; a walk over millions of files must not keep them all. */
const FORGET_AFTER = 20_000;

export class Excludes {
  readonly #patterns: string[];
  readonly #insensitive: string[];
  #matcher: ((path: string) => boolean) | undefined;
  #asked = 0;

  /** `source`: absolute path as given by the user. `insensitive`: patterns for which upper and lower case are the same. */
  constructor(patterns: readonly string[], source: string, insensitive: readonly string[] = []) {
    this.#patterns = patterns.map((pattern) => below(source, pattern));
    this.#insensitive = insensitive.map((pattern) => below(source, pattern));
  }

  get none(): boolean {
    return this.#patterns.length + this.#insensitive.length === 0;
  }

  /** `path` relative to the source, without a leading slash. A folder's content need not be asked about once it is excluded. */
  excludes(path: string, isFolder: boolean): boolean {
    if (this.none || path === '') return false;
    if (!this.#matcher || this.#asked >= FORGET_AFTER) {
      this.#matcher = this.#newMatcher();
      this.#asked = 0;
    }
    this.#asked += 1;
    return this.#matcher(isFolder ? `${path}/` : path);
  }

  #newMatcher(): (path: string) => boolean {
    const either: Ignore[] = [];
    for (const [patterns, ignorecase] of [
      [this.#patterns, false],
      [this.#insensitive, true],
    ] as const) {
      if (patterns.length > 0) either.push(ignore({ ignorecase, allowRelativePaths: true }).add(patterns));
    }
    return (path) => either.some((matcher) => matcher.ignores(path));
  }
}

/** A pattern that is an absolute path below the source, relative to it. */
function below(source: string, pattern: string): string {
  const prefix = source.endsWith('/') ? source : `${source}/`;
  const negated = pattern.startsWith('!');
  const body = negated ? pattern.slice(1) : pattern;
  if (prefix === '/' || !body.startsWith(prefix)) return pattern;
  return `${negated ? '!' : ''}/${body.slice(prefix.length)}`;
}
