'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button, ButtonLink } from '#components/ui/button.tsx';
import { Field } from '#components/ui/field.tsx';
import { applyFieldErrors, Form } from '#components/ui/form.tsx';
import { Input, PasswordInput } from '#components/ui/input.tsx';
import { toApiError } from '#lib/client/api.ts';
import { useSetUp } from '#lib/client/queries/session.ts';
import { type SetupRequest, setupRequest } from '#lib/contracts/access.ts';

const FIELDS = ['token', 'name', 'email', 'password'] as const;

export function SetUpScreen() {
  const setUp = useSetUp();
  const { register, handleSubmit, setError, formState } = useForm<SetupRequest>({
    resolver: zodResolver(setupRequest),
    defaultValues: { token: '', name: '', email: '', password: '' },
  });
  const { errors } = formState;

  const submit = handleSubmit(async (values) => {
    try {
      await setUp.mutateAsync(values);
    } catch (error) {
      applyFieldErrors(toApiError(error).fields, FIELDS, setError);
      return;
    }
    // The answer has signed this browser in.
    window.location.assign('/welcome');
  });

  const failed = setUp.error === null ? null : toApiError(setUp.error);
  const atField = FIELDS.some((name) => failed?.fields?.[name] !== undefined);
  return (
    <div className="max-w-[420px]">
      <title>Set up · Holdfast</title>
      <h1 className="text-xl font-semibold">Set up Holdfast</h1>
      <p className="mt-0.5 mb-6 text-base text-pretty text-ink-2">
        The first account owns this console. The token proves that you are the one who started it.
      </p>
      <Form onSubmit={submit} dirty={formState.isDirty && !setUp.isSuccess} className="flex flex-col gap-4">
        {failed === null || atField ? null : (
          <LoadError
            compact
            error={failed}
            actions={
              failed.code === 'conflict' ? (
                <ButtonLink href="/sign-in" size="sm">
                  Sign in
                </ButtonLink>
              ) : undefined
            }
          />
        )}
        <Field
          label="Set-up token"
          error={errors.token?.message}
          hint="Printed in the terminal where Holdfast was started. Each start prints a new one."
        >
          <Input {...register('token')} mono autoFocus />
        </Field>
        <Field label="Your name" error={errors.name?.message}>
          <Input {...register('name')} autoComplete="name" />
        </Field>
        <Field label="Email" error={errors.email?.message} hint="To sign in with. Nothing is sent to it.">
          <Input {...register('email')} type="email" autoComplete="username" />
        </Field>
        <Field label="Password" error={errors.password?.message} hint="At least 12 characters; a sentence works well.">
          <PasswordInput {...register('password')} autoComplete="new-password" />
        </Field>
        <Button type="submit" variant="primary" busy={setUp.isPending || setUp.isSuccess} className="w-full">
          Create the account
        </Button>
      </Form>
    </div>
  );
}
