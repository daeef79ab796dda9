// `npm start`: everything from a fresh clone to a running console. See bootstrap.mjs for the steps.

import { build, Failed, generate, handOver, install, main, PINNED_NODE, run } from './bootstrap.mjs';

await main(async () => {
  await install();
  await generate();
  await build(preflight);
  return handOver(['lib/embedded/main.ts']);
});

/** A start that cannot succeed says so before it spends a minute on building, and builds nothing under a running instance. */
async function preflight() {
  const { code, output } = await run(PINNED_NODE, ['lib/embedded/preflight.ts']);
  if (code !== 0) throw new Failed(output.trimEnd());
}
