'use client';

import { useQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type ReactNode, useState } from 'react';
import { Figure } from '#components/runs/run-progress.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { Checkbox } from '#components/ui/choice.tsx';
import { ErrorState } from '#components/ui/error-state.tsx';
import { Bytes } from '#components/ui/figures.tsx';
import { ProgressBar } from '#components/ui/progress.tsx';
import { Notice } from '#components/ui/state.tsx';
import { formatBytes, formatCount, formatPlural } from '#lib/client/format.ts';
import { planQuery, useExecuteRestore } from '#lib/client/queries/restores.ts';
import type { RestorePlanView } from '#lib/contracts/restores.ts';
import { PlanChanges } from './plan-changes.tsx';
import { missingBytes, OVERWRITE, planSentence, type Summary } from './restore-words.ts';

/** The plan as the worker made it: what would be created, overwritten, kept. Then, and only then, the button. */
export function ReviewStep({
  planId,
  onBack,
  onAgain,
  again,
}: {
  planId: string;
  onBack: () => void;
  onAgain: () => void;
  again: boolean;
}) {
  const query = useQuery(planQuery(planId));
  const plan = query.data;
  const buttons = (
    <div className="mt-4 flex gap-2">
      <Button variant="primary" busy={again} onClick={onAgain}>
        Look again
      </Button>
      <Button onClick={onBack}>Back</Button>
    </div>
  );
  if (plan === undefined) {
    return query.isError ? (
      <>
        <LoadError error={query.error} onRetry={() => void query.refetch()} retrying={query.isFetching} />
        {buttons}
      </>
    ) : (
      <Planning />
    );
  }
  if (plan.state === 'planning') return <Planning />;
  if (plan.state === 'failed')
    return (
      <>
        <ErrorState
          error={{
            title: plan.error?.message ?? 'The worker could not look at the target.',
            ...(plan.error?.hint === undefined ? {} : { hint: plan.error.hint }),
            ...(plan.error === null ? {} : { code: plan.error.code }),
          }}
        />
        {buttons}
      </>
    );
  if (plan.state === 'spent')
    return (
      <>
        <Notice
          tone="idle"
          title="This plan has been used."
          actions={
            <ButtonLink size="sm" href="/runs?kind=restore">
              See the restores
            </ButtonLink>
          }
        >
          A plan starts one restore. To restore once more, look again at what would change.
        </Notice>
        {buttons}
      </>
    );
  return plan.summary === null ? <Planning /> : <Ready plan={plan} summary={plan.summary} onBack={onBack} />;
}

function Planning() {
  return (
    <div role="status" className="max-w-[560px] py-6">
      <p className="mb-3 text-base">The worker compares the recovery point with what is there. Nothing is written.</p>
      <ProgressBar value={null} label="Making the plan" />
    </div>
  );
}

function Ready({ plan, summary, onBack }: { plan: RestorePlanView; summary: Summary; onBack: () => void }) {
  const router = useRouter();
  const execute = useExecuteRestore();
  const [sure, setSure] = useState(false);
  const original = plan.request.target.kind === 'original';
  const missing = missingBytes(summary);
  const nothing = summary.create.count === 0 && summary.overwrite.count === 0;
  const start = () => execute.mutate(plan.id, { onSuccess: (run) => router.push(`/runs/${run.id}`) });
  return (
    <div className="flex flex-col gap-5">
      <div>
        <h2 className="text-lg font-semibold">{planSentence(summary)}</h2>
        <p className="mt-0.5 text-base text-ink-2">
          Into <span className="font-mono text-sm [overflow-wrap:anywhere]">{summary.targetPath}</span>
          {original ? ', the original place' : ''}. {OVERWRITE[plan.request.overwrite].label}
          {plan.request.verify ? '; then read back and compared' : ''}.
        </p>
      </div>
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 border-y border-line py-3 sm:grid-cols-5">
        <Amount name="Created" count={summary.create.count} bytes={summary.create.bytes} />
        <Amount name="Overwritten" count={summary.overwrite.count} bytes={summary.overwrite.bytes} strong />
        <Amount name="Kept as they are" count={summary.keep.count} bytes={summary.keep.bytes} />
        <Figure name="Only there, stay">{formatCount(summary.extra.count)}</Figure>
        <Figure name="Free space">
          {summary.freeBytes === undefined ? 'unknown' : <Bytes value={summary.freeBytes} />}
        </Figure>
      </dl>
      {missing > 0 ? (
        <Notice tone="bad" title={`It does not fit: ${formatBytes(missing)} are missing on that disk.`}>
          Make room, restore less, or choose a folder on another disk.
        </Notice>
      ) : null}
      {summary.unsupported.count > 0 ? (
        <Notice
          tone="warn"
          title={`${formatPlural(summary.unsupported.count, 'entry', 'entries')} cannot be restored here.`}
        >
          They are listed below with the reason; everything else is.
        </Notice>
      ) : null}
      {summary.overwrite.count > 0 ? (
        <Notice
          tone={original ? 'bad' : 'warn'}
          title={`${formatPlural(summary.overwrite.count, 'file')} in ${summary.targetPath} will be replaced.`}
        >
          Present contents are lost unless another recovery point has them. {backupFirst(original)}
        </Notice>
      ) : null}
      <PlanChanges summary={summary} />
      {execute.isError ? <LoadError compact error={execute.error} what="The restore was not started." /> : null}
      {original && !nothing ? (
        <Checkbox
          checked={sure}
          onCheckedChange={setSure}
          label={
            summary.overwrite.count > 0
              ? `Yes, replace ${formatPlural(summary.overwrite.count, 'file')} in the original place`
              : 'Yes, write into the original place'
          }
        />
      ) : null}
      <div className="flex flex-wrap gap-2">
        <Button
          variant={original && summary.overwrite.count > 0 ? 'danger' : 'primary'}
          busy={execute.isPending || execute.isSuccess}
          disabled={(original && !sure) || missing > 0 || nothing}
          onClick={start}
        >
          {nothing
            ? 'Nothing to restore'
            : `Restore ${formatPlural(summary.create.count + summary.overwrite.count, 'entry', 'entries')}`}
        </Button>
        <Button onClick={onBack}>Back</Button>
      </div>
    </div>
  );
}

function backupFirst(original: boolean): ReactNode {
  return original ? 'Back the source up first if you are not sure.' : null;
}

function Amount({
  name,
  count,
  bytes,
  strong = false,
}: {
  name: string;
  count: number;
  bytes: number;
  strong?: boolean;
}) {
  return (
    <Figure name={name}>
      <span className={strong && count > 0 ? 'font-semibold text-warn' : undefined}>{formatCount(count)}</span>
      {bytes > 0 ? (
        <span className="text-ink-3">
          {' '}
          <Bytes value={bytes} />
        </span>
      ) : null}
    </Figure>
  );
}
