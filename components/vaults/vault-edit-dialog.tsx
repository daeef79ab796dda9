'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { Dialog } from '#components/ui/dialog.tsx';
import { Field } from '#components/ui/field.tsx';
import { applyFieldErrors, Form } from '#components/ui/form.tsx';
import { Input } from '#components/ui/input.tsx';
import { notify } from '#components/ui/toast.tsx';
import { toApiError } from '#lib/client/api.ts';
import { useUpdateVault } from '#lib/client/queries/vaults.ts';
import { displayName } from '#lib/contracts/common.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';

const schema = z.object({
  name: displayName,
  zone: z.string().trim().max(60, 'Keep the zone within 60 characters.'),
});
type Values = z.infer<typeof schema>;
const FORM = 'vault-edit';

export function VaultEditDialog({ vault, onClose }: { vault: VaultView; onClose: () => void }) {
  const update = useUpdateVault(vault.id);
  const { register, handleSubmit, setError, formState } = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: { name: vault.name, zone: vault.zone ?? '' },
  });
  const { errors } = formState;
  const submit = handleSubmit(async ({ name, zone }) => {
    try {
      await update.mutateAsync({ name, zone: zone === '' ? null : zone });
      notify({ title: name === vault.name ? 'Vault saved' : `Vault renamed to ${name}` });
      onClose();
    } catch (error) {
      applyFieldErrors(toApiError(error).fields, ['name', 'zone'], setError);
    }
  });
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      keepOpen={formState.isDirty}
      title="Edit the vault"
      width="sm"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={FORM} variant="primary" busy={update.isPending}>
            Save
          </Button>
        </>
      }
    >
      <Form id={FORM} onSubmit={submit} dirty={formState.isDirty} className="flex flex-col gap-4">
        {update.error === null || toApiError(update.error).fields !== undefined ? null : (
          <LoadError compact error={update.error} what="The vault was not changed." />
        )}
        <Field label="Name" error={errors.name?.message}>
          <Input {...register('name')} autoComplete="off" maxLength={80} />
        </Field>
        <Field
          label="Zone"
          optional
          error={errors.zone?.message}
          hint="Where it stands. The folder itself stays where it is."
        >
          <Input {...register('zone')} autoComplete="off" maxLength={60} />
        </Field>
      </Form>
    </Dialog>
  );
}
