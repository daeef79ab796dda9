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
  const ticks = byteTicks(Math.max(...points.map((point) => point.storedBytes), 0));
  return (
    <figure>
      <figcaption className="sr-only">{label}</figcaption>
      <div ref={box} style={{ height: HEIGHT }} aria-hidden="true">
        {width === 0 ? null : (
          <AreaChart width={width} height={HEIGHT} data={data} margin={{ top: 8, right: 4, bottom: 0, left: 0 }}>
            <CartesianGrid vertical={false} stroke="var(--color-line)" />
            <XAxis
              dataKey="time"
              type="number"
              scale="time"
              domain={['dataMin', 'dataMax']}
              tickFormatter={(time: number) => formatShortInstant(time, now)}
              tick={{ fontSize: 12, fill: 'var(--color-ink-3)' }}
              tickLine={false}
              axisLine={{ stroke: 'var(--color-line-strong)' }}
              minTickGap={64}
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
