'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { z } from 'zod';
import { LoadError } from '#components/shell/load-error.tsx';
import { FolderPicker } from '#components/sources/folder-picker.tsx';
import { Button } from '#components/ui/button.tsx';
import { Field } from '#components/ui/field.tsx';
import { applyFieldErrors, Form } from '#components/ui/form.tsx';
import { Input } from '#components/ui/input.tsx';
import { Select } from '#components/ui/select.tsx';
import { Notice } from '#components/ui/state.tsx';
import { toApiError } from '#lib/client/api.ts';
import { useCreateVault } from '#lib/client/queries/vaults.ts';
import { workersQuery } from '#lib/client/queries/workers.ts';
import { absolutePath, displayName } from '#lib/contracts/common.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

const schema = z.object({
  name: displayName,
  path: absolutePath,
  zone: z.string().trim().max(60, 'Keep the zone within 60 characters.'),
  /** Only which machine's folders are shown; the vault itself belongs to no worker. */
  workerId: z.string(),
});
type Values = z.infer<typeof schema>;

const FIELD_OF: Record<string, keyof Values> = { name: 'name', 'store.path': 'path', store: 'path', zone: 'zone' };

export function VaultForm({ onCreated, cancel }: { onCreated: (vault: VaultView) => void; cancel?: ReactNode }) {
  const workers = useQuery(workersQuery());
  const online = (workers.data ?? []).filter((worker) => worker.state === 'online');
  const create = useCreateVault();
  const form = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: { name: '', path: '', zone: '', workerId: '' },
  });
  const { register, handleSubmit, setValue, setError, control, formState } = form;
  const { errors } = formState;
  const path = useWatch({ control, name: 'path' });
  const workerId = useWatch({ control, name: 'workerId' });

  const firstWorker = online[0]?.id;
  useEffect(() => {
    if (workerId === '' && firstWorker !== undefined) setValue('workerId', firstWorker);
  }, [workerId, firstWorker, setValue]);

  const submit = handleSubmit(async (values) => {
    try {
      const vault = await create.mutateAsync({
        name: values.name,
        store: { kind: 'local', path: values.path },
        ...(values.zone === '' ? {} : { zone: values.zone }),
      });
      onCreated(vault);
    } catch (error) {
      const { fields } = toApiError(error);
      const mine = Object.fromEntries(
        Object.entries(fields ?? {}).map(([name, message]) => [FIELD_OF[name] ?? name, message]),
      );
      applyFieldErrors(mine, ['name', 'path', 'zone'], setError);
    }
  });

  const failed = create.error === null ? null : toApiError(create.error);
  const atField = Object.keys(failed?.fields ?? {}).some((name) => FIELD_OF[name] !== undefined);
  return (
    <Form onSubmit={submit} dirty={formState.isDirty && !create.isSuccess} className="flex flex-col gap-5">
      {failed === null || atField ? null : <LoadError compact error={failed} what="The vault was not created." />}
      <Field
        label="Name"
        error={errors.name?.message}
        hint="As you will see it everywhere, such as “NAS in the office”."
      >
        <Input {...register('name')} autoComplete="off" maxLength={80} />
      </Field>
      {online.length > 1 ? (
        <Field label="Machine whose folders to show">
          <Select
            value={workerId === '' ? null : workerId}
            onValueChange={(next) => setValue('workerId', next)}
            options={online.map((worker) => ({ value: worker.id, label: worker.name, hint: worker.hostname }))}
          />
        </Field>
      ) : null}
      {workerId === '' ? (
        <>
          {workers.isSuccess ? (
            <Notice tone="warn" title="No worker is online, so folders cannot be shown.">
              Type the path. It must be reachable from the console and from the workers.
            </Notice>
          ) : null}
          <Field label="Folder" error={errors.path?.message} hint="An absolute path: a disk, or a mounted share.">
            <Input {...register('path')} mono />
          </Field>
        </>
      ) : (
        <FolderPicker
          workerId={workerId}
          value={path}
          onChange={(next) => setValue('path', next, { shouldDirty: true, shouldValidate: formState.isSubmitted })}
          mode="new"
          label="Folder"
          hint="Empty or new: a disk other than the one with your files, or a mounted share."
          error={errors.path?.message}
        />
      )}
      <Field
        label="Zone"
        optional
        error={errors.zone?.message}
        hint="Where it stands: “cellar”, “other building”. Two vaults in one zone can burn together."
      >
        <Input {...register('zone')} autoComplete="off" maxLength={60} />
      </Field>
      <div className="flex items-center gap-2">
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create vault
        </Button>
        {cancel}
        <span className="ml-auto hidden text-xs text-ink-3 sm:block">Ctrl-Enter saves</span>
      </div>
    </Form>
  );
}
