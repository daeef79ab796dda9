// restic's patterns (internal/filter): parts between slashes, each as Go's filepath.Match takes it, and '**' for any number
// of folders. A pattern that starts with a slash names a whole path, another one may start at any folder. Whatever is below
// what fits, fits too.
//
// A pattern is followed along a path, name by name, as a set of positions in it; so a folder whose set is empty can be left
// out with all it holds, and two folders with the same tree and the same set hold the same finds.

import { AppError } from '#lib/errors.ts';

type Part = RegExp | '**';

interface Pattern {
  parts: Part[];
  rooted: boolean;
}

/** Where each pattern stands after a path: positions in its parts, ascending. */
export interface MatchState {
  matched: boolean;
  /** Nothing below can fit. */
  dead: boolean;
  positions: readonly (readonly number[])[];
  /** The same for states that find the same below them. */
  key: string;
}

const MATCHED: MatchState = { matched: true, dead: false, positions: [], key: 'all' };

export class PatternMatcher {
  readonly #patterns: Pattern[];
  readonly #ignoreCase: boolean;
  readonly start: MatchState;

  /** Throws 'invalid-input' for a pattern that cannot be read. */
  constructor(patterns: readonly string[], options: { ignoreCase?: boolean } = {}) {
    this.#ignoreCase = options.ignoreCase === true;
    this.#patterns = patterns.map((pattern) => parsePattern(this.#fold(pattern), pattern));
    const positions = this.#patterns.map((pattern) => closure(pattern, new Set([0])));
    // '/' and '**' fit everything.
    const all = this.#patterns.some(({ parts }, i) => positions[i]?.includes(parts.length));
    this.start = all ? MATCHED : stateOf(positions);
  }

  #fold(text: string): string {
    return this.#ignoreCase ? text.toLowerCase() : text;
  }

  /** State after one more name. */
  step(state: MatchState, name: Buffer): MatchState {
    if (state.matched || state.dead) return state;
    const text = this.#fold(name.toString('utf8'));
    const next: number[][] = [];
    for (const [i, pattern] of this.#patterns.entries()) {
      const positions = new Set<number>();
      for (const position of state.positions[i] ?? []) {
        const part = pattern.parts[position] as Part;
        if (part === '**') positions.add(position);
        else if (part.test(text)) positions.add(position + 1);
      }
      if (!pattern.rooted) positions.add(0);
      const reached = closure(pattern, positions);
      if (reached.includes(pattern.parts.length)) return MATCHED;
      next.push(reached);
    }
    return stateOf(next);
  }
}

function stateOf(positions: readonly (readonly number[])[]): MatchState {
  const dead = positions.every((set) => set.length === 0);
  return { matched: false, dead, positions, key: positions.map((set) => set.join(',')).join(';') };
}

/** '**' also stands for no folder at all. */
function closure({ parts }: Pattern, positions: Set<number>): number[] {
  for (const position of positions) if (parts[position] === '**') positions.add(position + 1);
  return [...positions].sort((a, b) => a - b);
}

function parsePattern(text: string, asGiven: string): Pattern {
  if (text === '') throw badPattern(asGiven, 'it is empty');
  const parts = text
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => (part === '**' ? '**' : partExpression(part, asGiven)));
  return { parts, rooted: text.startsWith('/') };
}

function badPattern(pattern: string, why: string): AppError {
  return new AppError('invalid-input', `The pattern "${pattern}" cannot be used: ${why}.`);
}

/** Go's filepath.Match: '*', '?', [a-z], [^a-z], and a backslash that takes the next character as it is. */
function partExpression(part: string, asGiven: string): RegExp {
  let source = '';
  const chars = [...part];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '\\') {
      i += 1;
      if (i === chars.length) throw badPattern(asGiven, 'it ends with a backslash');
      source += literal(chars[i] as string);
    } else if (char === '[') {
      const { end, text } = characterClass(chars, i + 1, asGiven);
      source += text;
      i = end;
    } else source += literal(char);
  }
  return new RegExp(`^(?:${source})$`, 'su');
}

function characterClass(chars: readonly string[], from: number, asGiven: string): { end: number; text: string } {
  let at = from;
  const negated = chars[at] === '^';
  if (negated) at += 1;
  const one = (): string => {
    if (chars[at] === '\\') at += 1;
    const char = chars[at];
    if (char === undefined || (char === '-' && chars[at - 1] !== '\\'))
      throw badPattern(asGiven, 'a [ is not closed well');
    at += 1;
    return char;
  };
  const ranges: string[] = [];
  for (let first = true; first || chars[at] !== ']'; first = false) {
    if (chars[at] === ']') throw badPattern(asGiven, 'a [ is not closed well');
    const low = one();
    let high = low;
    if (chars[at] === '-') {
      at += 1;
      high = one();
    }
    // A range from high to low fits nothing in Go; a RegExp with it would not compile.
    if ((low.codePointAt(0) as number) <= (high.codePointAt(0) as number)) {
      ranges.push(`${inClass(low)}-${inClass(high)}`);
    }
  }
  return { end: at, text: `[${negated ? '^' : ''}${ranges.join('')}]` };
}

function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function inClass(char: string): string {
  return `\\u{${(char.codePointAt(0) as number).toString(16)}}`;
}
