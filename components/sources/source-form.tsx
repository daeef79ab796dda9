'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { z } from 'zod';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { cx } from '#components/ui/cx.ts';
import { Field } from '#components/ui/field.tsx';
import { applyFieldErrors, Form } from '#components/ui/form.tsx';
import { Input } from '#components/ui/input.tsx';
import { Select } from '#components/ui/select.tsx';
import { Notice } from '#components/ui/state.tsx';
import { toApiError } from '#lib/client/api.ts';
import { workersQuery } from '#lib/client/queries/workers.ts';
import { absolutePath, displayName, entityId } from '#lib/contracts/common.ts';
import type { CreateSource } from '#lib/contracts/sources.ts';
import { ExcludesField, excludesError, parseExcludes } from './excludes-field.tsx';
import { suggestSourceName } from './folder-path.ts';
import { FolderPicker } from './folder-picker.tsx';

const schema = z.object({
  workerId: entityId,
  path: absolutePath,
  name: displayName,
  excludes: z.string().superRefine((text, context) => {
    const message = excludesError(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
});
type Values = z.infer<typeof schema>;

const FIELD_OF: Record<string, keyof Values> = {
  name: 'name',
  workerId: 'workerId',
  config: 'path',
  'config.path': 'path',
  'config.excludes': 'excludes',
};

export interface SourceFormProps {
  /** What is there already when it is edited. */
  given?: CreateSource;
  submit: (source: CreateSource) => Promise<unknown>;
  label: string;
  /** Sentence over a failure: "The source was not added." */
  failed: string;
  extra?: ReactNode;
  cancel: ReactNode;
}

/** Folder, name, excludes. The name follows the folder until a person writes one. */
export function SourceForm({ given, submit, label, failed, extra, cancel }: SourceFormProps) {
  const workers = useQuery(workersQuery());
  const online = (workers.data ?? []).filter((worker) => worker.state === 'online');
  const form = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: {
      workerId: given?.workerId ?? '',
      path: given?.config.path ?? '',
      name: given?.name ?? '',
      excludes: given?.config.excludes.join('\n') ?? '',
    },
  });
  const { register, handleSubmit, setValue, setError, control, formState, clearErrors } = form;
  const { errors, dirtyFields } = formState;
  const [workerId, path, excludes] = useWatch({ control, name: ['workerId', 'path', 'excludes'] });
  const [failure, setFailure] = useState<unknown>();
  const worker = (workers.data ?? []).find((one) => one.id === workerId);

  const firstWorker = online[0]?.id;
  useEffect(() => {
    if (workerId === '' && firstWorker !== undefined) setValue('workerId', firstWorker);
  }, [workerId, firstWorker, setValue]);

  const named = given !== undefined || dirtyFields.name === true;
  const host = worker?.hostname ?? '';
  const manyHosts = (workers.data?.length ?? 0) > 1;
  useEffect(() => {
    if (!named) setValue('name', path === '' ? '' : suggestSourceName(path, host, manyHosts), { shouldDirty: false });
  }, [named, path, host, manyHosts, setValue]);

  const onSubmit = handleSubmit(async (values) => {
    try {
      await submit({
        name: values.name,
        workerId: values.workerId,
        config: { kind: 'directory', path: values.path, excludes: parseExcludes(values.excludes) },
      });
    } catch (error) {
      const facts = toApiError(error);
      const mine = Object.fromEntries(
        Object.entries(facts.fields ?? {}).map(([name, message]) => [
          FIELD_OF[name] ?? (name.startsWith('config.excludes') ? 'excludes' : name),
          message,
        ]),
      );
      const shown = applyFieldErrors(mine, ['path', 'name', 'excludes', 'workerId'], setError);
      if (!shown) setError('root', { type: 'server', message: facts.code });
      setFailure(shown ? undefined : error);
    }
  });

  if (workers.isSuccess && workers.data.length === 0 && given === undefined)
    return (
      <Notice tone="warn" title="No worker has ever been here.">
        A worker reads the folders of its machine. Start one with <code className="font-mono">npx holdfast worker</code>
        ; this page goes on by itself.
      </Notice>
    );

  return (
    <Form
      onSubmit={onSubmit}
      dirty={formState.isDirty && !formState.isSubmitSuccessful}
      className="flex flex-col gap-5"
    >
      {failure === undefined ? null : <LoadError compact error={failure} what={failed} />}
      {given === undefined && (workers.data?.length ?? 0) > 1 ? (
        <Field label="Machine" error={errors.workerId?.message}>
          <Select
            value={workerId === '' ? null : workerId}
            onValueChange={(next) => {
              setValue('workerId', next, { shouldDirty: true });
              clearErrors('path');
            }}
            options={(workers.data ?? []).map((one) => ({
              value: one.id,
              label: one.name,
              hint: one.state === 'online' ? one.hostname : 'not running',
            }))}
          />
        </Field>
      ) : null}
      {workerId === '' ? null : (
        <FolderPicker
          workerId={workerId}
          value={path}
          onChange={(next) => setValue('path', next, { shouldDirty: true, shouldValidate: formState.isSubmitted })}
          label="Folder"
          hint="Everything in it is backed up, with all folders below."
          error={errors.path?.message}
        />
      )}
      <Field label="Name" error={errors.name?.message} hint="As you will see it everywhere. The folder suggests it.">
        <Input {...register('name')} autoComplete="off" maxLength={80} />
      </Field>
      <ExcludesField
        value={excludes}
        onChange={(next) => setValue('excludes', next, { shouldDirty: true, shouldValidate: formState.isSubmitted })}
        error={errors.excludes?.message}
      />
      {extra}
      <div
        className={cx(
          'flex items-center gap-2',
          // In the dialog the buttons stay in sight, however long the form is.
          given !== undefined && 'sticky -bottom-4 -mx-4 -mb-4 border-t border-line bg-raised px-4 py-3',
        )}
      >
        <Button type="submit" variant="primary" busy={formState.isSubmitting}>
          {label}
        </Button>
        {cancel}
        <span className="ml-auto hidden text-xs text-ink-3 sm:block">Ctrl-Enter saves</span>
      </div>
    </Form>
  );
}
