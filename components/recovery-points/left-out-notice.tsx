import { Notice } from '#components/ui/state.tsx';
import { formatCount, formatPlural } from '#lib/client/format.ts';

const SHOWN = 3;

/** Entries that a list of files does not show, because their names cannot be trusted or they cannot be read. */
export function LeftOutNotice({ problems, of }: { problems: readonly string[]; of: string }) {
  if (problems.length === 0) return null;
  const more = problems.length - SHOWN;
  return (
    <Notice tone="warn" title={`${formatPlural(problems.length, 'entry is', 'entries are')} left out of ${of}.`}>
      <ul>
        {problems.slice(0, SHOWN).map((problem) => (
          <li key={problem} className="wrap-anywhere">
            {problem}
          </li>
        ))}
      </ul>
      {more > 0 ? `And ${formatCount(more)} more. ` : ''}A check of the vault says whether it is damaged.
    </Notice>
  );
}
