'use client';

import { useRouter } from 'next/navigation';
import { LoadError } from '#components/shell/load-error.tsx';
import { ConfirmDialog } from '#components/ui/dialog.tsx';
import { notify } from '#components/ui/toast.tsx';
import { formatPlural } from '#lib/client/format.ts';
import { useDeleteSource } from '#lib/client/queries/sources.ts';
import type { SourceView } from '#lib/contracts/sources.ts';

/** Says what stays as plainly as what goes. */
export function DeleteSourceDialog({ source, onClose }: { source: SourceView; onClose: () => void }) {
  const router = useRouter();
  const remove = useDeleteSource();
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={`Delete the source ${source.name}?`}
      action="Delete source"
      typeName={source.name}
      busy={remove.isPending}
      onConfirm={() =>
        remove.mutate(source.id, {
          onSuccess: () => {
            notify({ title: `${source.name} is deleted; its recovery points stay.` });
            router.push('/sources');
          },
        })
      }
      error={remove.isError ? <LoadError compact error={remove.error} what="The source was not deleted." /> : null}
    >
      <p>
        It is no longer backed up. The folder{' '}
        <span className="font-mono text-sm [overflow-wrap:anywhere]">{source.config.path}</span> is not touched.
      </p>
      <p className="mt-2">
        {source.recoveryPoints === 0
          ? 'It has no recovery points.'
          : `Its ${formatPlural(source.recoveryPoints, 'recovery point')} stay in their vaults and can still be browsed and restored.`}
      </p>
    </ConfirmDialog>
  );
}
