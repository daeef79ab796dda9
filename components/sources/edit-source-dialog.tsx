'use client';

import { Button } from '#components/ui/button.tsx';
import { Dialog } from '#components/ui/dialog.tsx';
import { notify } from '#components/ui/toast.tsx';
import { useUpdateSource } from '#lib/client/queries/sources.ts';
import type { SourceView } from '#lib/contracts/sources.ts';
import { SourceForm } from './source-form.tsx';

export function EditSourceDialog({ source, onClose }: { source: SourceView; onClose: () => void }) {
  const update = useUpdateSource(source.id);
  return (
    <Dialog
      open
      keepOpen
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={`Edit ${source.name}`}
      description="It counts from the next backup on; recovery points that exist stay as they are."
    >
      <SourceForm
        given={{ name: source.name, workerId: source.worker.id, config: source.config }}
        label="Save"
        failed="The source was not changed."
        cancel={<Button onClick={onClose}>Cancel</Button>}
        submit={async ({ name, config }) => {
          await update.mutateAsync({ name, config });
          notify({ title: `${name} is saved.` });
          onClose();
        }}
      />
    </Dialog>
  );
}
