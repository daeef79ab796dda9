'use client';

import { useEffect, useState } from 'react';
import type { RunView } from '#lib/contracts/runs.ts';

export interface RateSample {
  /** Milliseconds since the run started. */
  at: number;
  /** Bytes a second. */
  rate: number;
}

/** At two samples a second half an hour; longer runs are thinned to every second one each time they reach it. */
const MOST_SAMPLES = 3_600;

/** What was seen since the console was opened; the server keeps no history of rates. Survives going to another page. */
const seen = new Map<string, RateSample[]>();

export function addSample(samples: readonly RateSample[], sample: RateSample): RateSample[] {
  const last = samples.at(-1);
  if (last !== undefined && sample.at <= last.at) return samples as RateSample[];
  const next = [...samples, sample];
  return next.length <= MOST_SAMPLES ? next : next.filter((_, index) => index % 2 === 1);
}

export function useRateSamples(run: RunView): readonly RateSample[] {
  const [samples, setSamples] = useState<RateSample[]>(() => seen.get(run.id) ?? []);
  const { id, progress, startedAt, state, version } = run;
  // biome-ignore lint/correctness/useExhaustiveDependencies: one sample for each version of the run
  useEffect(() => {
    if (progress === null || startedAt === null || state !== 'running') return;
    setSamples((old) => {
      const next = addSample(old, { at: Date.now() - Date.parse(startedAt), rate: progress.rate });
      seen.set(id, next);
      return next;
    });
  }, [id, version, state]);
  return samples;
}
