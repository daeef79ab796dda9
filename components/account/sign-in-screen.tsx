'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useSearchParams } from 'next/navigation';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { Field } from '#components/ui/field.tsx';
import { Form } from '#components/ui/form.tsx';
import { Input, PasswordInput } from '#components/ui/input.tsx';
import { useSignIn } from '#lib/client/queries/session.ts';
import { nextPath } from './next-path.ts';

const schema = z.object({
  email: z.email('Give the email address of your account.'),
  password: z.string().min(1, 'Give your password.'),
});
type Values = z.infer<typeof schema>;

export function SignInScreen() {
  const params = useSearchParams();
  const signIn = useSignIn();
  const { register, handleSubmit, resetField, setFocus, formState } = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: { email: '', password: '' },
  });
  const { errors } = formState;

  const submit = handleSubmit(async (values) => {
    try {
      await signIn.mutateAsync(values);
      // A full load: the server decides anew what this person sees.
      window.location.assign(nextPath(params.get('next')));
    } catch {
      // Shown from the mutation's state.
      resetField('password');
      setFocus('password');
    }
  });
  const busy = signIn.isPending || signIn.isSuccess;
  return (
    <div className="max-w-[380px]">
      <title>Sign in · Holdfast</title>
      <h1 className="text-xl font-semibold">Sign in</h1>
      <p className="mt-0.5 mb-6 text-base text-ink-2">
        {params.get('next') === null
          ? 'Backups and restores go on while you are away.'
          : 'You are signed out. After signing in you are back where you were.'}
      </p>
      <Form onSubmit={submit} className="flex flex-col gap-4">
        {signIn.error === null ? null : <LoadError compact error={signIn.error} />}
        <Field label="Email" error={errors.email?.message}>
          <Input {...register('email')} type="email" autoComplete="username" autoFocus />
        </Field>
        <Field label="Password" error={errors.password?.message}>
          <PasswordInput {...register('password')} autoComplete="current-password" />
        </Field>
        <Button type="submit" variant="primary" busy={busy} className="w-full">
          Sign in
        </Button>
      </Form>
    </div>
  );
}
