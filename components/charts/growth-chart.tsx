'use client';

import { Area, AreaChart, CartesianGrid, Tooltip, XAxis, YAxis } from 'recharts';
import { formatBytes, formatPlural, formatShortInstant } from '#lib/client/format.ts';
import { useWidth } from './use-width.ts';

export interface GrowthPoint {
  at: string;
  storedBytes: number;
  logicalBytes: number;
  recoveryPoints: number;
}

const HEIGHT = 180;
const KIBI = 1024;
/** Room that a label on the time axis needs. */
const TICK_PX = 84;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
  30 * DAY,
  90 * DAY,
  365 * DAY,
];

/** Full hours and midnights of the reader's zone between the two, `most` at most. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const step = STEPS.find((each) => (to - from) / each <= most) ?? 365 * DAY;
  const tick = new Date(from);
  tick.setHours(0, 0, 0, 0);
  const ticks: number[] = [];
  while (tick.getTime() <= to) {
    if (tick.getTime() >= from) ticks.push(tick.getTime());
    // By the calendar: where the clocks change, a day is not 24 hours.
    if (step >= DAY) tick.setDate(tick.getDate() + step / DAY);
    else tick.setTime(tick.getTime() + step);
  }
  return ticks;
}

/** Only the day where all ticks are midnights. */
function tickWords(time: number, now: number, all: readonly number[]): string {
  const words = formatShortInstant(time, now);
  const midnights = all.every((tick) => new Date(tick).getHours() === 0);
  return midnights ? (words.split(',')[0] ?? words) : words;
}

/** Round steps of the unit in use: 0, 250, 500, 750 MiB rather than 238.4 MiB. */
export function byteTicks(maximum: number): number[] {
  if (maximum <= 0) return [0];
  const unit = KIBI ** Math.floor(Math.log(maximum) / Math.log(KIBI));
  const top = maximum / unit;
  const magnitude = 10 ** Math.floor(Math.log10(top));
  const step =
    [0.25, 0.5, 1, 2, 2.5, 5].map((each) => each * magnitude).find((each) => top / each <= 4.001) ?? magnitude * 5;
  const ticks: number[] = [];
  for (let tick = 0; tick < top + step; tick += step) ticks.push(tick * unit);
  return ticks;
}

/** Stored bytes over time. `now` draws the line to the right edge: nothing changed since the last sample. */
export function GrowthChart({ points, now, label }: { points: readonly GrowthPoint[]; now: number; label: string }) {
  const [box, width] = useWidth<HTMLDivElement>();
  const last = points.at(-1);
  const data = points.map((point) => ({ ...point, time: Date.parse(point.at) }));
  if (last !== undefined && now > Date.parse(last.at)) data.push({ ...last, time: now });
  const instants = timeTicks(data[0]?.time ?? now, data.at(-1)?.time ?? now, Math.max(2, Math.floor(width / TICK_PX)));
  const ticks = byteTicks(Math.max(...points.map((point) => point.storedBytes), 0));
  return (
    <figure>
      <figcaption className="sr-only">{label}</figcaption>
      <div ref={box} style={{ height: HEIGHT }} aria-hidden="true">
        {width === 0 ? null : (
          <AreaChart
            accessibilityLayer={false}
            width={width}
            height={HEIGHT}
            data={data}
            margin={{ top: 8, right: 4, bottom: 0, left: 0 }}
          >
            <CartesianGrid vertical={false} stroke="var(--color-line)" />
            <XAxis
              dataKey="time"
              type="number"
              scale="time"
              domain={['dataMin', 'dataMax']}
              ticks={instants}
              tickFormatter={(time: number) => tickWords(time, now, instants)}
              tick={{ fontSize: 12, fill: 'var(--color-ink-3)' }}
              tickLine={false}
              axisLine={{ stroke: 'var(--color-line-strong)' }}
              interval="preserveStart"
              minTickGap={16}
            />
            <YAxis
              width={68}
              ticks={ticks}
              domain={[0, ticks.at(-1) ?? 0]}
              tickFormatter={formatBytes}
              tick={{ fontSize: 12, fill: 'var(--color-ink-3)' }}
              tickLine={false}
              axisLine={false}
            />
            <Tooltip
              isAnimationActive={false}
              cursor={{ stroke: 'var(--color-line-strong)' }}
              content={({ active, payload }) => {
                const point = payload?.[0]?.payload as (GrowthPoint & { time: number }) | undefined;
                return active && point !== undefined ? <PointFacts point={point} now={now} /> : null;
              }}
            />
            <Area
              dataKey="storedBytes"
              type="stepAfter"
              stroke="var(--color-accent)"
              strokeWidth={1.5}
              fill="var(--color-accent)"
              fillOpacity={0.1}
              isAnimationActive={false}
              dot={false}
              activeDot={{ r: 3, fill: 'var(--color-accent)', stroke: 'var(--color-surface)' }}
            />
          </AreaChart>
        )}
      </div>
    </figure>
  );
}

function PointFacts({ point, now }: { point: GrowthPoint & { time: number }; now: number }) {
  return (
    <div className="rounded-md bg-raised px-3 py-2 text-sm shadow-float tabular">
      <p className="text-xs text-ink-3">{formatShortInstant(point.time, now)}</p>
      <p className="font-medium">{formatBytes(point.storedBytes)} stored</p>
      <p className="text-ink-2">
        holds {formatBytes(point.logicalBytes)} in {formatPlural(point.recoveryPoints, 'recovery point')}
      </p>
    </div>
  );
}
