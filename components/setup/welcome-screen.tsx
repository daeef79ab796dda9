'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { useEffect, useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { KitStep } from '#components/vaults/kit-step.tsx';
import { VaultForm } from '#components/vaults/vault-form.tsx';
import { LiveNews } from '#lib/client/live/provider.tsx';
import { overviewQuery } from '#lib/client/queries/overview.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import { FirstBackup } from './first-backup.tsx';
import { FirstSource } from './first-source.tsx';
import { StepList } from './step-list.tsx';
import type { StepId } from './steps.ts';

/** From an empty console to a first backup that runs before the person's eyes. The server says which step is next. */
export function WelcomeScreen() {
  const overview = useQuery(overviewQuery());
  return (
    <>
      <title>First backup · Holdfast</title>
      <LiveNews />
      <div className="mb-6 flex items-start justify-between gap-4">
        <div>
          <h1 className="text-xl font-semibold">Your first backup</h1>
          <p className="mt-0.5 text-base text-ink-2">Four short steps; about three minutes.</p>
        </div>
        <Link href="/" className="shrink-0 rounded-xs pt-1 text-sm text-ink-2 hover:text-ink hover:underline">
          Skip to the console
        </Link>
      </div>
      {overview.data !== undefined ? (
        <Steps view={overview.data} />
      ) : overview.isError ? (
        <LoadError
          error={overview.error}
          what="The console could not be asked what is left to do."
          onRetry={() => void overview.refetch()}
          retrying={overview.isFetching}
        />
      ) : (
        <div role="status" aria-label="Asking what is left to do" className="flex flex-col gap-6">
          <Skeleton className="h-6 w-48" />
          <Skeleton className="h-40" />
        </div>
      )}
    </>
  );
}

function Steps({ view }: { view: OverviewView }) {
  // The server counts the kit step as done when the file was sent. The person is asked to store it, too: the step stays
  // until they say so.
  const [kitOf, setKitOf] = useState<string | null>(null);
  // Likewise the last step: a backup that finished while it was looked at must not vanish.
  const [runId, setRunId] = useState<string | null>(null);
  const withoutKit = view.vaults.find((vault) => vault.kitDownloadedAt === null)?.id;
  useEffect(() => {
    if (view.nextStep === 'download-kit' && withoutKit !== undefined) setKitOf(withoutKit);
  }, [view.nextStep, withoutKit]);

  const step: StepId | null = kitOf !== null ? 'download-kit' : runId !== null ? 'run-backup' : view.nextStep;
  if (step === null)
    return (
      <>
        <StepList next={null} />
        <ButtonLink href="/" variant="primary" className="mt-6">
          Open the console
        </ButtonLink>
      </>
    );
  return <StepList next={step} now={now(step)} />;

  function now(current: StepId) {
    switch (current) {
      case 'create-vault':
        return <VaultForm onCreated={(vault) => setKitOf(vault.id)} />;
      case 'download-kit':
        return kitOf === null ? null : (
          <KitStep vaultId={kitOf}>
            {(done) => (
              <div>
                <Button variant="primary" disabled={!done} onClick={() => setKitOf(null)}>
                  Continue
                </Button>
              </div>
            )}
          </KitStep>
        );
      case 'add-source':
        return <FirstSource />;
      case 'run-backup':
        return <FirstBackup view={view} runId={runId} onStarted={setRunId} />;
    }
  }
}
