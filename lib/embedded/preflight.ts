// `npm start` runs this before it builds: a start that cannot succeed says so in a second, and a build never replaces the pages
// of an instance that is running.

import { preflight } from './up.ts';

process.exitCode = (await preflight()) ? 0 : 1;
