// What the command line prints: sizes and times for people, JSON lines for programs, one live line on a terminal.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${count} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${UNITS[unit]}`;
}

export function number(count: number): string {
  return count.toLocaleString('en');
}

/** "1 file", "2 files". */
export function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** "2026-11-20 19:30:31" of a stored time, as its writer's clock showed it. */
export function clock(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Columns padded to their longest cell; numbers to the right. */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): void {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  print(line(head));
  print('-'.repeat(widths.reduce((sum, width) => sum + width + 2, -2)));
  for (const row of rows) print(line(row));
}

export interface LiveState {
  done: number;
  total?: number;
  /** What is being counted, ready to print. */
  text: string;
  currentPath?: string;
}

/** The line that is overwritten while work goes on. Prints nothing where stderr is no terminal. */
export class LiveLine {
  readonly #started = performance.now();
  readonly #shown: boolean;

  constructor(quiet: boolean) {
    this.#shown = !quiet && process.stderr.isTTY === true;
  }

  elapsed(): number {
    return performance.now() - this.#started;
  }

  show({ done, total, text, currentPath }: LiveState): void {
    if (!this.#shown) return;
    const elapsed = this.elapsed();
    const share = total ? Math.min(1, done / total) : undefined;
    const eta = share && share > 0.01 ? `  ETA ${duration((elapsed * (1 - share)) / share)}` : '';
    const percent = share === undefined ? '' : `${(share * 100).toFixed(1).padStart(5)} %  `;
    const line = `[${duration(elapsed)}] ${percent}${text}${eta}`;
    const room = (process.stderr.columns ?? 80) - 1;
    const path = currentPath && room - line.length > 12 ? `  ${tail(currentPath, room - line.length - 2)}` : '';
    process.stderr.write(`\r\x1b[K${(line + path).slice(0, room)}`);
  }

  /** Removes the line, so that what is printed next stands alone. */
  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}

function tail(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(text.length - length + 1)}`;
}
