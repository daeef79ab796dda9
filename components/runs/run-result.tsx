'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import { Bytes, Duration } from '#components/ui/figures.tsx';
import { formatCount, formatRate } from '#lib/client/format.ts';
import type { RunResult as Result, RunView } from '#lib/contracts/runs.ts';
import { Figure } from './run-progress.tsx';

/** What came of it, in figures. */
export function RunResult({ run }: { run: RunView }) {
  if (run.startedAt === null) return null;
  const took = run.finishedAt === null ? 0 : Date.parse(run.finishedAt) - Date.parse(run.startedAt);
  return (
    <section aria-label="Result" className="mb-6">
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 sm:grid-cols-3 lg:grid-cols-6">
        <Figure name="Took">
          <Duration from={run.startedAt} to={run.finishedAt} />
        </Figure>
        {run.result === null ? null : <Figures result={run.result} milliseconds={took} />}
      </dl>
    </section>
  );
}

function Figures({ result, milliseconds }: { result: Result; milliseconds: number }) {
  switch (result.kind) {
    case 'backup':
      return (
        <>
          <Figure name="Files">{formatCount(result.files)}</Figure>
          <Figure name="Size">
            <Bytes value={result.bytes} />
          </Figure>
          <Figure name="New, changed, same">
            {formatCount(result.filesNew)} / {formatCount(result.filesChanged)} / {formatCount(result.filesUnmodified)}
          </Figure>
          <Figure name="New data">
            <Bytes value={result.addedBytes} />
          </Figure>
          <Figure name="Stored, compressed">
            <Bytes value={result.storedBytes} />
          </Figure>
        </>
      );
    case 'restore':
      return (
        <>
          <Figure name="Files written">{formatCount(result.filesRestored)}</Figure>
          <Figure name="Files kept">{formatCount(result.filesKept)}</Figure>
          <Figure name="Read back and compared">{formatCount(result.filesVerified)}</Figure>
          <Figure name="Written">
            <Bytes value={result.bytes} />
          </Figure>
          <Figure name="On average">{milliseconds > 0 ? formatRate((result.bytes * 1000) / milliseconds) : '–'}</Figure>
        </>
      );
    case 'check':
      return (
        <>
          <Figure name="Packs">{formatCount(result.packs)}</Figure>
          <Figure name="Blobs">{formatCount(result.blobs)}</Figure>
          <Figure name="Recovery points">{formatCount(result.snapshots)}</Figure>
          <Figure name="Data read">
            <Bytes value={result.bytesRead} />
          </Figure>
          <Figure name="Findings">{formatCount(result.findings.length)}</Figure>
        </>
      );
  }
}

/** Where the run stands in the house: who asked, where it ran, what it belongs to. */
export function RunFacts({ run }: { run: RunView }) {
  const facts: [string, ReactNode][] = [];
  if (run.source !== null && run.kind !== 'check')
    facts.push([
      'source',
      <TextLink key="source" href={`/sources/${run.source.id}`}>
        {run.source.name}
      </TextLink>,
    ]);
  if (run.vault !== null)
    facts.push([
      'vault',
      <TextLink key="vault" href={`/vaults/${run.vault.id}`}>
        {run.vault.name}
      </TextLink>,
    ]);
  facts.push(['asked for by', run.requestedBy]);
  if (run.worker !== null) facts.push(['worker', run.worker.name]);
  if (run.attempt > 1) facts.push(['attempt', run.attempt]);
  if (run.retryOfId !== null)
    facts.push([
      'repeats',
      <TextLink key="retry" href={`/runs/${run.retryOfId}`}>
        an earlier run
      </TextLink>,
    ]);
  return facts.map(([name, value], index) => (
    <span key={name}>
      {index === 0 ? '' : ' · '}
      {index === 0 ? name[0]?.toUpperCase() + name.slice(1) : name} {value}
    </span>
  ));
}

function TextLink({ href, children }: { href: string; children: string }) {
  return (
    <Link href={href} className="text-ink underline decoration-line-strong underline-offset-2 hover:decoration-ink">
      {children}
    </Link>
  );
}
