'use client';

import { Field } from '#components/ui/field.tsx';
import { Textarea } from '#components/ui/input.tsx';

const MOST_PATTERNS = 500;
const LONGEST_PATTERN = 1000;

/** Lines of the editor as patterns: blank lines and comments go, the rest keeps its order, which decides. */
export function parseExcludes(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** In words, or undefined when all is well. */
export function excludesError(text: string): string | undefined {
  const patterns = parseExcludes(text);
  if (patterns.length > MOST_PATTERNS) return `Keep it within ${MOST_PATTERNS} patterns; there are ${patterns.length}.`;
  const long = patterns.find((pattern) => pattern.length > LONGEST_PATTERN);
  if (long !== undefined)
    return `The pattern that begins with “${long.slice(0, 24)}” is longer than ${LONGEST_PATTERN} characters.`;
  const all = patterns.find((pattern) => /^(?:\/?\*\*?\/?)+$/.test(pattern));
  return all === undefined || patterns.some((pattern) => pattern.startsWith('!'))
    ? undefined
    : `“${all}” leaves out everything, so nothing would be backed up.`;
}

export function ExcludesField({
  value,
  onChange,
  error,
}: {
  value: string;
  onChange: (value: string) => void;
  error?: string | undefined;
}) {
  return (
    <div className="flex flex-col gap-1.5">
      <Field
        label="Leave out"
        optional
        error={error}
        hint="One pattern a line, as in a .gitignore, relative to the folder."
      >
        <Textarea
          mono
          rows={5}
          value={value}
          placeholder={'node_modules/\n*.tmp\n/cache/'}
          onChange={(event) => onChange(event.target.value)}
        />
      </Field>
      <details className="text-xs text-ink-2">
        <summary className="w-fit rounded-xs text-ink-2 hover:text-ink">How patterns work</summary>
        <dl className="mt-1.5 grid grid-cols-[max-content_1fr] gap-x-4 gap-y-1">
          <Example pattern="*.tmp">files with that ending, in any folder</Example>
          <Example pattern="node_modules/">folders of that name, anywhere, with all that is in them</Example>
          <Example pattern="/cache/">only the one directly in this folder</Example>
          <Example pattern="logs/**/debug">at any depth below logs</Example>
          <Example pattern="!keep.tmp">brings back what an earlier line left out</Example>
          <Example pattern="# note">a line for people</Example>
        </dl>
      </details>
    </div>
  );
}

function Example({ pattern, children }: { pattern: string; children: string }) {
  return (
    <>
      <dt className="font-mono text-ink">{pattern}</dt>
      <dd>{children}</dd>
    </>
  );
}
