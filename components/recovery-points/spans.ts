export const SPANS = ['all', 'day', 'week', 'month'] as const;
export type Span = (typeof SPANS)[number];

const HOUR_MS = 3_600_000;
const LENGTH: Record<Exclude<Span, 'all'>, number> = { day: 24 * HOUR_MS, week: 168 * HOUR_MS, month: 720 * HOUR_MS };

/** Where the span begins, rounded to the hour: it is part of a query key, which must not change with every render. */
export function sinceOf(span: Span, now: number): string | undefined {
  if (span === 'all') return undefined;
  return new Date(Math.floor((now - LENGTH[span]) / HOUR_MS) * HOUR_MS).toISOString();
}
