// `npm run generate`: what is not checked in but needed by editor, linter and tests.

import { generate, install, main } from './bootstrap.mjs';

await main(async () => {
  await install();
  await generate();
});
