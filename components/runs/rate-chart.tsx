'use client';

import { Area, AreaChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { formatDuration, formatRate } from '#lib/client/format.ts';
import type { RateSample } from './rate-samples.ts';

const HEIGHT_PX = 132;
const TICK = { fontSize: 12, fill: 'var(--color-ink-3)' };

/** Loaded on demand: recharts is the largest thing on this page. */
export default function RateChart({ samples }: { samples: readonly RateSample[] }) {
  return (
    <ResponsiveContainer width="100%" height={HEIGHT_PX}>
      <AreaChart
        data={samples as RateSample[]}
        margin={{ top: 4, right: 4, bottom: 0, left: 0 }}
        accessibilityLayer={false}
      >
        <XAxis
          dataKey="at"
          type="number"
          domain={['dataMin', 'dataMax']}
          tickFormatter={(at: number) => formatDuration(at)}
          tick={TICK}
          tickLine={false}
          axisLine={{ stroke: 'var(--color-line)' }}
          minTickGap={48}
        />
        <YAxis
          tickFormatter={(rate: number) => (rate === 0 ? '0' : formatRate(rate))}
          tick={TICK}
          tickLine={false}
          axisLine={false}
          width={76}
          tickCount={3}
        />
        <Tooltip
          isAnimationActive={false}
          content={({ active, payload }) => {
            const sample = payload?.[0]?.payload as RateSample | undefined;
            if (!active || sample === undefined) return null;
            return (
              <div className="rounded-sm bg-ink px-2 py-1 text-xs text-canvas tabular">
                {formatRate(sample.rate)} after {formatDuration(sample.at)}
              </div>
            );
          }}
        />
        <Area
          dataKey="rate"
          type="monotone"
          isAnimationActive={false}
          stroke="var(--color-accent)"
          strokeWidth={1.5}
          fill="var(--color-accent-soft)"
          dot={false}
        />
      </AreaChart>
    </ResponsiveContainer>
  );
}
