// Excludes are gitignore patterns, relative to the source they are given for. An absolute pattern below the source is
// taken relative to it. Names that are not UTF-8 are matched with U+FFFD for each bad byte, so that '*' and '?' work.

import ignore, { type Ignore } from 'ignore';

/** `ignore` remembers every path it was asked about; a walk over millions of files must not keep them all. */
const FORGET_AFTER = 20_000;

export class Excludes {
  readonly #patterns: string[];
  #matcher: Ignore | undefined;
  #asked = 0;

  /** `source`: absolute path as given by the user. */
  constructor(patterns: readonly string[], source: string) {
    const prefix = source.endsWith('/') ? source : `${source}/`;
    this.#patterns = patterns.map((pattern) => {
      const negated = pattern.startsWith('!');
      const body = negated ? pattern.slice(1) : pattern;
      if (prefix === '/' || !body.startsWith(prefix)) return pattern;
      return `${negated ? '!' : ''}/${body.slice(prefix.length)}`;
    });
  }

  get none(): boolean {
    return this.#patterns.length === 0;
  }

  /** `path` relative to the source, without a leading slash. A folder's content need not be asked about once it is excluded. */
  excludes(path: string, isFolder: boolean): boolean {
    if (this.none || path === '') return false;
    if (!this.#matcher || this.#asked >= FORGET_AFTER) {
      this.#matcher = ignore({ ignorecase: false, allowRelativePaths: true }).add(this.#patterns);
      this.#asked = 0;
    }
    this.#asked += 1;
    return this.#matcher.ignores(isFolder ? `${path}/` : path);
  }
}
