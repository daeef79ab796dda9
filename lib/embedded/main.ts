// Entry of `npm start` and, with --dev, of `npm run dev`. The command line offers the same as `holdfast up`; this one loads no
// more than the supervisor, which stays in memory for as long as everything runs.

import { up } from './up.ts';

process.exit(await up({ dev: process.argv.includes('--dev') }));
