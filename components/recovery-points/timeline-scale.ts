// The arithmetic of the timeline: ranges, marks that would overlap gathered into one, ticks. Times are milliseconds.

export interface Range {
  from: number;
  to: number;
}

export interface TimelinePoint {
  id: string;
  at: number;
  /** New bytes of this point. */
  added: number;
}

export interface Mark {
  /** Newest of the points gathered here, and how it is found again. */
  id: string;
  points: readonly TimelinePoint[];
  /** Pixels from the left. */
  x: number;
  /** 1 (little) to 4 (much). */
  shade: 1 | 2 | 3 | 4;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NARROWEST = 2 * MINUTE;
/** The whole is never shorter: two backups of one morning are not a picture of a week, but of an hour. */
const SHORTEST_WHOLE = HOUR;
/** Free space beside the outermost marks, as a share of the range. */
const PADDING = 0.04;

/** All of them with some air, the newest at the right end. */
export function wholeRange(points: readonly TimelinePoint[], now: number): Range {
  const newest = points[0]?.at ?? now;
  const oldest = points.at(-1)?.at ?? now;
  const span = Math.max(newest - oldest, SHORTEST_WHOLE);
  return { from: newest - span * (1 + PADDING), to: newest + span * PADDING };
}

/** Keeps `anchor` where it is on the screen. A factor below 1 looks closer. */
export function zoomed(range: Range, factor: number, anchor: number, whole: Range): Range {
  const span = Math.max(NARROWEST, Math.min((range.to - range.from) * factor, whole.to - whole.from));
  const share = (anchor - range.from) / (range.to - range.from);
  return within({ from: anchor - span * share, to: anchor + span * (1 - share) }, whole);
}

export function panned(range: Range, by: number, whole: Range): Range {
  return within({ from: range.from + by, to: range.to + by }, whole);
}

/** Moves the range as little as needed so that the instant is in it. */
export function revealing(range: Range, at: number, whole: Range): Range {
  const air = (range.to - range.from) * PADDING;
  if (at < range.from + air) return within({ from: at - air, to: at - air + (range.to - range.from) }, whole);
  if (at > range.to - air) return within({ from: at + air - (range.to - range.from), to: at + air }, whole);
  return range;
}

function within(range: Range, whole: Range): Range {
  const span = range.to - range.from;
  if (span >= whole.to - whole.from) return whole;
  if (range.from < whole.from) return { from: whole.from, to: whole.from + span };
  if (range.to > whole.to) return { from: whole.to - span, to: whole.to };
  return range;
}

/** Marks from left to right, at least `spacing` pixels apart. `points` newest first. */
export function marksOf(points: readonly TimelinePoint[], range: Range, width: number, spacing: number): Mark[] {
  if (width <= 0) return [];
  const most = points.reduce((max, point) => Math.max(max, point.added), 0);
  const scale = width / (range.to - range.from);
  const marks: Mark[] = [];
  let group: TimelinePoint[] = [];
  let groupX = 0;
  const close = () => {
    const newest = group[0];
    if (newest === undefined) return;
    const added = group.reduce((max, point) => Math.max(max, point.added), 0);
    marks.push({ id: newest.id, points: group, x: groupX, shade: shadeOf(added, most) });
  };
  for (const point of points) {
    if (point.at < range.from || point.at > range.to) continue;
    const x = (point.at - range.from) * scale;
    if (group.length > 0 && groupX - x < spacing) {
      group.push(point);
      continue;
    }
    close();
    group = [point];
    groupX = x;
  }
  close();
  return marks.reverse();
}

/** By powers of ten below the largest: a day that added a thousandth of the worst is pale, not invisible. */
export function shadeOf(added: number, most: number): 1 | 2 | 3 | 4 {
  if (most <= 0 || added <= 0) return 1;
  const share = added / most;
  return share > 0.3 ? 4 : share > 0.03 ? 3 : share > 0.003 ? 2 : 1;
}

const STEPS = [
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  30 * DAY,
  91 * DAY,
  182 * DAY,
  365 * DAY,
];

/** Round times with at least `spacing` pixels between them; `withClock` when a label needs the hour. */
export function ticksOf(range: Range, width: number, spacing: number): { at: number; x: number; withClock: boolean }[] {
  if (width <= 0) return [];
  const perPixel = (range.to - range.from) / width;
  const step = STEPS.find((one) => one / perPixel >= spacing) ?? 730 * DAY;
  // Whole local days and hours, not UTC ones: midnight is where the reader's is.
  const shift = new Date(range.from).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((range.from - shift) / step) * step + shift;
  const ticks = [];
  for (let at = first; at <= range.to; at += step) {
    ticks.push({ at, x: (at - range.from) / perPixel, withClock: step < DAY });
  }
  return ticks;
}
