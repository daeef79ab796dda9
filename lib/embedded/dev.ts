// Entry of `npm run dev`.

import { up } from './up.ts';

process.exit(await up({ dev: true }));
