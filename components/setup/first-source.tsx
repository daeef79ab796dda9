'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { z } from 'zod';
import { LoadError } from '#components/shell/load-error.tsx';
import { baseName } from '#components/sources/folder-path.ts';
import { FolderPicker } from '#components/sources/folder-picker.tsx';
import { Button } from '#components/ui/button.tsx';
import { Field } from '#components/ui/field.tsx';
import { applyFieldErrors, Form } from '#components/ui/form.tsx';
import { Input } from '#components/ui/input.tsx';
import { Select } from '#components/ui/select.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { Notice } from '#components/ui/state.tsx';
import { toApiError } from '#lib/client/api.ts';
import { useCreateSource } from '#lib/client/queries/sources.ts';
import { workersQuery } from '#lib/client/queries/workers.ts';
import { absolutePath, displayName } from '#lib/contracts/common.ts';

const schema = z.object({ name: displayName, path: absolutePath, workerId: z.string() });
type Values = z.infer<typeof schema>;

/** The least a source needs: a folder and a name. What to leave out comes later, on the source's own page. */
export function FirstSource() {
  const workers = useQuery(workersQuery());
  const online = (workers.data ?? []).filter((worker) => worker.state === 'online');
  const create = useCreateSource();
  const { register, handleSubmit, setValue, setError, control, formState } = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: { name: '', path: '', workerId: '' },
  });
  const { errors, dirtyFields } = formState;
  const path = useWatch({ control, name: 'path' });
  const workerId = useWatch({ control, name: 'workerId' });
  const firstWorker = online[0]?.id;
  useEffect(() => {
    if (workerId === '' && firstWorker !== undefined) setValue('workerId', firstWorker);
  }, [workerId, firstWorker, setValue]);

  const submit = handleSubmit(async (values) => {
    try {
      await create.mutateAsync({
        name: values.name,
        workerId: values.workerId,
        config: { kind: 'directory', path: values.path, excludes: [] },
      });
    } catch (error) {
      const { fields = {} } = toApiError(error);
      const path = fields['config.path'] ?? fields.path;
      applyFieldErrors({ ...fields, ...(path === undefined ? {} : { path }) }, ['name', 'path'], setError);
    }
  });

  if (workers.isPending) return <Skeleton className="h-40" />;
  if (workerId === '')
    return (
      <Notice tone="warn" title="No worker is online.">
        A worker starts together with the console; it may need a few seconds. If it does not come, the terminal says
        why.
      </Notice>
    );
  const failed = create.error === null ? null : toApiError(create.error);
  return (
    <Form onSubmit={submit} className="flex flex-col gap-4">
      {failed === null || failed.fields !== undefined ? null : (
        <LoadError compact error={failed} what="The source was not added." />
      )}
      {online.length > 1 ? (
        <Field label="Machine">
          <Select
            value={workerId}
            onValueChange={(next) => setValue('workerId', next)}
            options={online.map((worker) => ({ value: worker.id, label: worker.name, hint: worker.hostname }))}
          />
        </Field>
      ) : null}
      <FolderPicker
        workerId={workerId}
        value={path}
        onChange={(next) => {
          setValue('path', next, { shouldValidate: formState.isSubmitted });
          if (!dirtyFields.name) setValue('name', baseName(next));
        }}
        label="Folder to protect"
        hint="With everything in it. Files are read, never changed."
        error={errors.path?.message}
      />
      <Field label="Name" error={errors.name?.message}>
        <Input {...register('name')} autoComplete="off" maxLength={80} />
      </Field>
      <div>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Add the source
        </Button>
      </div>
    </Form>
  );
}
