'use client';

import { Section } from '#components/shell/page-head.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { useMay } from '#lib/client/queries/session.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import { StepList } from './step-list.tsx';

/** On the overview until the first backup is done: what is left, one action. */
export function NextSteps({ view }: { view: OverviewView }) {
  const mayCreate = useMay('vault:create');
  if (view.nextStep === null) return null;
  return (
    <Section title="First backup">
      <div className="border-t border-line pt-4">
        <StepList
          next={view.nextStep}
          now={
            mayCreate ? (
              <ButtonLink href="/welcome" variant="primary">
                {view.nextStep === 'create-vault' ? 'Start' : 'Continue'}
              </ButtonLink>
            ) : (
              <p className="text-sm text-ink-2">An owner or admin does this step.</p>
            )
          }
        />
      </div>
    </Section>
  );
}
