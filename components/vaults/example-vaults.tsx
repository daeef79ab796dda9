import { StateMark } from '#components/ui/state.tsx';

const EXAMPLES = [
  { name: 'NAS in the office', path: '/mnt/nas/holdfast', size: '212 GiB', ratio: '6.4×' },
  { name: 'Disk in the safe', path: '/media/safe/holdfast', size: '198 GiB', ratio: '6.9×' },
] as const;

/** What the list will look like, for the empty page. */
export function ExampleVaults() {
  return (
    <div className="border-y border-line text-left text-sm">
      {EXAMPLES.map((vault) => (
        <div key={vault.name} className="flex h-11 items-center gap-4 border-b border-line px-2 last:border-0">
          <StateMark tone="good" />
          <span className="min-w-0 flex-1">
            <span className="block font-medium">{vault.name}</span>
            <span className="block truncate font-mono text-xs text-ink-3">{vault.path}</span>
          </span>
          <span className="tabular">{vault.size}</span>
          <span className="text-ink-2 tabular">{vault.ratio}</span>
        </div>
      ))}
    </div>
  );
}
