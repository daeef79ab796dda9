'use client';

import Link from 'next/link';
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
  return (
    <span className="flex flex-wrap gap-x-1.5">
      {run.source === null ? null : (
        <span>
          Source <TextLink href={`/sources/${run.source.id}`}>{run.source.name}</TextLink>
          {run.vault === null ? ' ·' : ','}
        </span>
      )}
      {run.vault === null ? null : (
        <span>
          vault <TextLink href={`/vaults/${run.vault.id}`}>{run.vault.name}</TextLink> ·
        </span>
      )}
      <span>asked for by {run.requestedBy}</span>
      {run.worker === null ? null : <span>· worker {run.worker.name}</span>}
      {run.attempt > 1 ? <span>· attempt {run.attempt}</span> : null}
      {run.retryOfId === null ? null : (
        <span>
          · repeats <TextLink href={`/runs/${run.retryOfId}`}>an earlier run</TextLink>
        </span>
      )}
    </span>
  );
}

function TextLink({ href, children }: { href: string; children: string }) {
  return (
    <Link href={href} className="text-ink underline decoration-line-strong underline-offset-2 hover:decoration-ink">
      {children}
    </Link>
  );
}
