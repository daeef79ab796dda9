// Which parts of a long list have to be read for the rows in sight.

/** Parts that hold the rows from `first` to `last`, and the ones a scroll will reach next. */
export function partsInSight(first: number, last: number, size: number, count: number): number[] {
  if (count === 0) return [0];
  const from = Math.max(0, Math.floor(first / size));
  const to = Math.min(Math.ceil(count / size) - 1, Math.floor(last / size));
  const parts: number[] = [];
  for (let part = from; part <= to; part += 1) parts.push(part);
  const next = to + 1;
  // Half a part before its end the next one is fetched, so that scrolling at reading speed meets no gaps.
  if (next * size < count && last > to * size + size / 2) parts.push(next);
  return parts;
}
