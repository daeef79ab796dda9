'use client';

import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'next/navigation';
import { useEffect, useState } from 'react';
import { keptPaths } from '#components/recovery-points/chosen-paths.ts';
import { MissingNotice } from '#components/recovery-points/missing-point.tsx';
import { pointName } from '#components/recovery-points/point-screen.tsx';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { Notice } from '#components/ui/state.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatInstant } from '#lib/client/format.ts';
import { pointQuery } from '#lib/client/queries/recovery-points.ts';
import { planQuery, usePlanRestore } from '#lib/client/queries/restores.ts';
import { useMay } from '#lib/client/queries/session.ts';
import type { RecoveryPointDetail } from '#lib/contracts/recovery-points.ts';
import type { RestoreRequest } from '#lib/contracts/restores.ts';
import { ReviewStep } from './review-step.tsx';
import { Steps } from './steps.tsx';
import { WhatStep } from './what-step.tsx';
import { WhereStep } from './where-step.tsx';

export type Draft = Pick<RestoreRequest, 'include' | 'target' | 'overwrite' | 'verify'>;

/** What → Where → Review. The step and the plan are in the address; a plan, once made, holds the whole request. */
export function RestoreScreen({ id }: { id: string }) {
  const point = useQuery(pointQuery(id));
  const mayRestore = useMay('restore:create');
  if (point.data === undefined)
    return (
      <>
        <PageHead
          title="Restore"
          trail={[{ label: 'Recovery points', href: '/recovery-points' }, { label: 'Restore' }]}
        />
        {point.isError ? (
          <LoadError error={point.error} onRetry={() => void point.refetch()} retrying={point.isFetching} />
        ) : (
          <Skeleton className="h-64 w-full" />
        )}
      </>
    );
  const name = pointName(point.data);
  return (
    <>
      <PageHead
        title={`Restore ${name}`}
        trail={[
          { label: 'Recovery points', href: '/recovery-points' },
          { label: formatInstant(Date.parse(point.data.time)), href: `/recovery-points/${id}` },
          { label: 'Restore' },
        ]}
        truth={
          point.data.missingSince === null
            ? `As it was on ${formatInstant(Date.parse(point.data.time))}. Nothing is written before you have seen what would change.`
            : 'There is nothing left to restore from.'
        }
      />
      {point.data.missingSince !== null ? (
        <MissingNotice point={point.data} />
      ) : mayRestore ? (
        <Wizard point={point.data} />
      ) : (
        <Notice tone="idle" title="Your role does not restore." />
      )}
    </>
  );
}

function Wizard({ point }: { point: RecoveryPointDetail }) {
  const url = useUrlState();
  const params = useSearchParams();
  const planId = url.get('plan');
  const step = planId === '' ? oneOf(url.get('step'), ['what', 'where'] as const, 'what') : 'review';
  const planned = useQuery({ ...planQuery(planId), enabled: planId !== '' });
  const make = usePlanRestore();
  const [draft, setDraft] = useState<Draft>(() => ({
    include: params.getAll('path'),
    target: point.source === null ? { kind: 'folder', path: '', workerId: '' } : { kind: 'original' },
    overwrite: 'if-changed',
    verify: true,
  }));
  // Storage exists only in the browser: read after the first paint, not while rendering on the server.
  const kept = url.get('chosen') === 'kept';
  useEffect(() => {
    if (kept) setDraft((old) => (old.include.length === 0 ? { ...old, include: keptPaths(point.id) } : old));
  }, [kept, point.id]);
  // Back from a review that was opened by its link: the plan knows what was asked.
  const request = planned.data?.request;
  useEffect(() => {
    if (request !== undefined)
      setDraft({
        include: request.include,
        target: request.target,
        overwrite: request.overwrite,
        verify: request.verify,
      });
  }, [request]);

  const review = () =>
    make.mutate(
      { recoveryPointId: point.id, ...draft },
      { onSuccess: (plan) => url.set({ plan: plan.id, step: null }, 'push') },
    );
  return (
    <div className="max-w-[860px]">
      <Steps now={step} onGo={(to) => url.set({ step: to === 'what' ? null : to, plan: null }, 'push')} />
      {step === 'what' ? (
        <WhatStep
          point={point}
          include={draft.include}
          onInclude={(include) => {
            setDraft({ ...draft, include });
          }}
          onNext={() => url.set({ step: 'where' }, 'push')}
        />
      ) : null}
      {step === 'where' ? (
        <WhereStep
          point={point}
          draft={draft}
          onDraft={setDraft}
          onBack={() => url.set({ step: null }, 'push')}
          onNext={review}
          planning={make.isPending}
          error={make.error}
        />
      ) : null}
      {step === 'review' ? (
        <ReviewStep
          planId={planId}
          onBack={() => url.set({ plan: null, step: 'where' }, 'push')}
          onAgain={review}
          again={make.isPending}
        />
      ) : null}
    </div>
  );
}
