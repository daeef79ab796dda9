// `npm run dev`: as `npm start`, with pages compiled on request and a worker that starts again when its sources change.

import { generate, handOver, install, main } from './bootstrap.mjs';

await main(async () => {
  await install();
  await generate();
  return handOver(['lib/embedded/main.ts', '--dev']);
});
