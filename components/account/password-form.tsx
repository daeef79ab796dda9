'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { Field } from '#components/ui/field.tsx';
import { applyFieldErrors, Form } from '#components/ui/form.tsx';
import { PasswordInput } from '#components/ui/input.tsx';
import { notify } from '#components/ui/toast.tsx';
import { toApiError } from '#lib/client/api.ts';
import { ownSessionsQuery } from '#lib/client/queries/account.ts';
import { useChangePassword } from '#lib/client/queries/session.ts';
import { newPassword } from '#lib/contracts/access.ts';

const schema = z
  .object({ currentPassword: z.string().min(1, 'Give the password you have now.'), newPassword })
  .refine((values) => values.currentPassword !== values.newPassword, {
    path: ['newPassword'],
    message: 'This is the password you have now.',
  });
type Values = z.infer<typeof schema>;
const FIELDS = ['currentPassword', 'newPassword'] as const;

export function PasswordForm({ email }: { email: string }) {
  const client = useQueryClient();
  const change = useChangePassword();
  const { register, handleSubmit, setError, reset, formState } = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: { currentPassword: '', newPassword: '' },
  });
  const { errors } = formState;
  const submit = handleSubmit(async (values) => {
    try {
      await change.mutateAsync(values);
      reset();
      notify({ title: 'Password changed', description: 'All your other sessions were signed out.' });
      void client.invalidateQueries({ queryKey: ownSessionsQuery().queryKey });
    } catch (error) {
      applyFieldErrors(toApiError(error).fields, FIELDS, setError);
    }
  });
  const failed = change.error === null ? null : toApiError(change.error);
  const atField = FIELDS.some((name) => failed?.fields?.[name] !== undefined);
  return (
    <Form onSubmit={submit} dirty={formState.isDirty} className="flex max-w-[380px] flex-col gap-4">
      {failed === null || atField ? null : <LoadError compact error={failed} what="The password was not changed." />}
      {/* Tells a password manager whose password this is. */}
      <input type="email" name="username" autoComplete="username" value={email} readOnly hidden />
      <Field label="Current password" error={errors.currentPassword?.message}>
        <PasswordInput {...register('currentPassword')} autoComplete="current-password" />
      </Field>
      <Field
        label="New password"
        error={errors.newPassword?.message}
        hint="At least 12 characters; a sentence works well. Your other sessions end."
      >
        <PasswordInput {...register('newPassword')} autoComplete="new-password" />
      </Field>
      <div>
        <Button type="submit" busy={change.isPending}>
          Change password
        </Button>
      </div>
    </Form>
  );
}
