import type { ReactNode } from 'react';
import { CopyButton } from '#components/ui/copy.tsx';
import { RelativeTime } from '#components/ui/figures.tsx';
import type { SourceView } from '#lib/contracts/sources.ts';

export function SourceConfigView({ source }: { source: SourceView }) {
  const { config } = source;
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-6 gap-y-1.5 text-base">
      <Row name="Folder">
        <span className="flex items-center gap-1">
          <span className="font-mono text-sm [overflow-wrap:anywhere]">{config.path}</span>
          <CopyButton text={config.path} label="Copy the path" />
        </span>
      </Row>
      <Row name="Machine">{source.worker.name}</Row>
      <Row name="Leaves out">
        {config.excludes.length === 0 ? (
          <span className="text-ink-2">nothing</span>
        ) : (
          <ul className="font-mono text-sm leading-6">
            {config.excludes.map((pattern) => (
              <li key={pattern} className="[overflow-wrap:anywhere]">
                {pattern}
              </li>
            ))}
          </ul>
        )}
      </Row>
      <Row name="Added">
        <RelativeTime at={source.createdAt} />
      </Row>
    </dl>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="flex min-h-7 items-center self-start text-ink-3">{name}</dt>
      <dd className="flex min-h-7 min-w-0 items-center">{children}</dd>
    </>
  );
}
