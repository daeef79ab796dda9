import { State } from '#components/ui/state.tsx';

const ROWS = [
  { name: 'web-1 srv/www', tone: 'good', word: 'Protected', last: '2 h ago' },
  { name: 'office shares', tone: 'good', word: 'Protected', last: 'yesterday' },
  { name: 'mail', tone: 'warn', word: 'Warning', last: '4 h ago' },
] as const;

/** Picture for the empty list. Not read out (EmptyState hides it). */
export function ExampleSources() {
  return (
    <div className="border-t border-line text-left text-sm">
      {ROWS.map((row) => (
        <div key={row.name} className="flex h-row items-center gap-4 border-b border-line">
          <span className="flex-1 truncate font-medium">{row.name}</span>
          <span className="w-28">
            <State tone={row.tone}>{row.word}</State>
          </span>
          <span className="w-20 text-right text-ink-2">{row.last}</span>
        </div>
      ))}
    </div>
  );
}
