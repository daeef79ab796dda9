import type { ComponentType } from 'react';

function NoChart() {
  return <p className="text-sm text-ink-3">The chart did not arrive. Reload the page to see it.</p>;
}

/**
 * For charts whose code is fetched late: when the console is away at that moment, the chart is missing, not the page around it.
 * There is no second try: the bundler remembers a failed part until the page is loaded again.
 */
export function orNoChart<Props>(code: Promise<ComponentType<Props>>): Promise<ComponentType<Props>> {
  return code.catch(() => NoChart);
}
