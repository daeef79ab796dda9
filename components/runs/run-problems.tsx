import { StateMark } from '#components/ui/state.tsx';
import { formatCount } from '#lib/client/format.ts';
import type { RunResult } from '#lib/contracts/runs.ts';

/** Files that went wrong, or what a check found. */
export function RunProblems({ result }: { result: RunResult }) {
  if (result.kind === 'check') {
    return (
      <List
        label="Findings"
        rows={result.findings.map((finding, index) => ({
          key: `${index}`,
          tone: finding.severity === 'error' ? ('bad' as const) : ('warn' as const),
          head: finding.kind,
          text: finding.message,
        }))}
      />
    );
  }
  const hidden = result.problemCount - result.problems.length;
  return (
    <>
      <List
        label="Problems"
        rows={result.problems.map((problem, index) => ({
          key: `${index}`,
          tone: 'warn' as const,
          head: problem.path,
          text: problem.message,
        }))}
      />
      {hidden > 0 ? (
        <p className="mt-2 text-sm text-ink-3">
          and {formatCount(hidden)} more; the first {formatCount(result.problems.length)} are kept.
        </p>
      ) : null}
    </>
  );
}

/** How many there are, for the tab. */
export function problemCount(result: RunResult | null): number {
  if (result === null) return 0;
  return result.kind === 'check' ? result.findings.length : result.problemCount;
}

interface Row {
  key: string;
  tone: 'bad' | 'warn';
  head: string;
  text: string;
}

function List({ label, rows }: { label: string; rows: readonly Row[] }) {
  return (
    <ul aria-label={label} className="border-t border-line">
      {rows.map((row) => (
        <li key={row.key} className="flex gap-2.5 border-b border-line py-1.5 text-sm">
          <StateMark tone={row.tone} className="mt-[5px]" />
          <span className="min-w-0">
            <span className="block font-mono text-xs leading-5 [overflow-wrap:anywhere]">{row.head}</span>
            <span className="block text-ink-2 [overflow-wrap:anywhere]">{row.text}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}
