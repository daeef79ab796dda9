'use client';

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { FolderPicker } from '#components/sources/folder-picker.tsx';
import { Button } from '#components/ui/button.tsx';
import { Checkbox, RadioGroup } from '#components/ui/choice.tsx';
import { Field } from '#components/ui/field.tsx';
import { Select } from '#components/ui/select.tsx';
import { Notice } from '#components/ui/state.tsx';
import { sourceQuery } from '#lib/client/queries/sources.ts';
import { workersQuery } from '#lib/client/queries/workers.ts';
import { absolutePath } from '#lib/contracts/common.ts';
import type { RecoveryPointDetail } from '#lib/contracts/recovery-points.ts';
import type { Draft } from './restore-screen.tsx';
import { OVERWRITE, OVERWRITE_ORDER } from './restore-words.ts';

export function WhereStep({
  point,
  draft,
  onDraft,
  onBack,
  onNext,
  planning,
  error,
}: {
  point: RecoveryPointDetail;
  draft: Draft;
  onDraft: (draft: Draft) => void;
  onBack: () => void;
  onNext: () => void;
  planning: boolean;
  error: unknown;
}) {
  const workers = useQuery(workersQuery());
  const source = useQuery({ ...sourceQuery(point.source?.id ?? ''), enabled: point.source !== null });
  const [tried, setTried] = useState(false);
  const { target } = draft;
  const online = (workers.data ?? []).filter((worker) => worker.state === 'online');
  const original = source.data?.config.path ?? point.paths[0] ?? '';
  const usual = source.data?.worker.online === true ? source.data.worker.id : online[0]?.id;
  const workerId = target.kind === 'folder' && target.workerId !== '' ? target.workerId : (usual ?? '');
  const pathError =
    target.kind === 'folder' ? absolutePath.safeParse(target.path).error?.issues[0]?.message : undefined;
  const next = () => {
    setTried(true);
    if (pathError === undefined && (target.kind === 'original' || workerId !== '')) onNext();
  };
  const setFolder = (path: string, worker = workerId) =>
    onDraft({ ...draft, target: { kind: 'folder', path, workerId: worker } });
  return (
    <div className="flex max-w-[560px] flex-col gap-6">
      {error === null || error === undefined ? null : (
        <LoadError compact error={error} what="The plan could not be made." />
      )}
      <RadioGroup
        label="Where to"
        value={target.kind}
        onValueChange={(kind) =>
          onDraft({
            ...draft,
            target: kind === 'original' ? { kind: 'original' } : { kind: 'folder', path: '', workerId },
          })
        }
        options={[
          {
            value: 'original',
            label: 'The original place',
            hint:
              point.source === null ? (
                'Its source is gone; choose a folder.'
              ) : (
                <span className="font-mono">{original}</span>
              ),
            disabled: point.source === null,
          },
          { value: 'folder', label: 'Another folder', hint: 'To look at it first, or on another machine.' },
        ]}
      />
      {target.kind === 'folder' ? (
        <>
          {online.length > 1 ? (
            <Field label="Machine">
              <Select
                value={workerId === '' ? null : workerId}
                onValueChange={(worker) => setFolder(target.path, worker)}
                options={online.map((worker) => ({ value: worker.id, label: worker.name, hint: worker.hostname }))}
              />
            </Field>
          ) : null}
          {workerId === '' ? (
            workers.isSuccess ? (
              <Notice tone="warn" title="No worker is running, so nothing can be written.">
                Start one on the machine that is to receive the files.
              </Notice>
            ) : null
          ) : (
            <FolderPicker
              workerId={workerId}
              value={target.path}
              onChange={(path) => setFolder(path)}
              mode="new"
              label="Folder"
              hint="What is restored goes straight into it. A new one is the safest."
              error={tried ? pathError : undefined}
            />
          )}
        </>
      ) : null}
      <RadioGroup
        label="Files that are there already"
        value={draft.overwrite}
        onValueChange={(overwrite) => onDraft({ ...draft, overwrite })}
        options={OVERWRITE_ORDER.map((value) => ({ value, ...OVERWRITE[value] }))}
      />
      <Checkbox
        checked={draft.verify}
        onCheckedChange={(verify) => onDraft({ ...draft, verify })}
        label="Read back and compare"
        hint="Every file that was written is read again and compared with the recovery point."
      />
      <div className="flex gap-2">
        <Button variant="primary" busy={planning} onClick={next}>
          Review the changes
        </Button>
        <Button onClick={onBack}>Back</Button>
      </div>
    </div>
  );
}
