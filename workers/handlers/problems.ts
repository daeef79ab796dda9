import type { ReportedProblem } from '#lib/services/run-reporter.ts';

/** As many as a page shows; the run's log has them all. */
const MOST_SHOWN = 100;

/** Problems that go into the row of a run, which is read often and by lists. */
export function shownProblems(problems: readonly ReportedProblem[]): ReportedProblem[] {
  return problems.slice(0, MOST_SHOWN).map(({ path, during, message }) => ({ path, during, message }));
}
