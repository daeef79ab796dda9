'use client';

import { useQuery } from '@tanstack/react-query';
import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead, Section } from '#components/shell/page-head.tsx';
import { THEMES } from '#components/shell/session-menu.tsx';
import { useTheme } from '#components/shell/use-theme.ts';
import { Segmented } from '#components/ui/segmented.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { sessionQuery } from '#lib/client/queries/session.ts';
import { PasswordForm } from './password-form.tsx';
import { SessionList } from './session-list.tsx';

const ROLE_WORDS = {
  owner: 'Owner: may do everything, and get recovery kits.',
  admin: 'Admin: may create and change vaults and sources.',
  operator: 'Operator: may run backups, checks and restores.',
  viewer: 'Viewer: may look, not touch.',
} as const;

export function AccountScreen() {
  const session = useQuery(sessionQuery());
  const [theme, setTheme] = useTheme();
  return (
    <div className="max-w-[720px]">
      <PageHead
        title="Account"
        truth={
          session.data === undefined ? (
            session.isError ? null : (
              <Skeleton className="my-1 h-3 w-64" />
            )
          ) : (
            `${session.data.user.name}, ${session.data.user.email}. ${ROLE_WORDS[session.data.user.role]}`
          )
        }
      />
      {session.isError && session.data === undefined ? (
        <LoadError
          error={session.error}
          what="Your account could not be read."
          onRetry={() => void session.refetch()}
        />
      ) : null}
      <Section title="Theme">
        <div className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-3">
          <p className="text-base text-ink-2">On this browser only.</p>
          <Segmented
            label="Theme"
            value={theme}
            onValueChange={setTheme}
            options={THEMES.map(({ value, label, icon }) => ({
              value,
              label: (
                <>
                  {icon}
                  {label}
                </>
              ),
            }))}
          />
        </div>
      </Section>
      <Section title="Password">
        <div className="border-t border-line pt-4">
          <PasswordForm email={session.data?.user.email ?? ''} />
        </div>
      </Section>
      <Section title="Where you are signed in">
        <SessionList />
      </Section>
    </div>
  );
}
