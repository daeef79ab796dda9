import { ProgressBar } from '#components/ui/progress.tsx';
import { State } from '#components/ui/state.tsx';

/** Picture for an empty list, made of what it will show. Not read out (EmptyState hides it). */
export function ExampleRuns() {
  return (
    <div className="border-y border-line text-left text-sm">
      <div className="flex h-row items-center gap-4 border-b border-line">
        <span className="w-32 truncate font-medium">Backup of web-1</span>
        <State tone="run">Running</State>
        <ProgressBar value={0.43} label="Example" size="sm" className="flex-1" />
      </div>
      <div className="flex h-row items-center gap-4 border-b border-line">
        <span className="w-32 truncate font-medium">Backup of mail</span>
        <State tone="good">Succeeded</State>
        <span className="truncate text-ink-2">12,408 files, 3.1 GiB</span>
      </div>
      <div className="flex h-row items-center gap-4">
        <span className="w-32 truncate font-medium">Check of nas</span>
        <State tone="good">Succeeded</State>
        <span className="truncate text-ink-2">all in order</span>
      </div>
    </div>
  );
}
