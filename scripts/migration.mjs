// Writes the SQL of a schema change: from the schema as of the newest migration (prisma/migrations/schema.snapshot) to
// prisma/schema.prisma as it is now. Prisma's own `migrate dev` needs a native engine that it downloads, and a database; this
// asks the same engine compiled to WebAssembly (it still wants some server to answer: a private one in a temporary folder). Read the SQL before committing it: renames look like
// drop-and-add, and rules such as CHECK are written by hand.
//
//   npm run migration -- add_schedules

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPrivatePostgres } from '../lib/embedded/postgres.ts';
import { schemaDifference } from '../testing/schema-engine.ts';

const PRISMA = fileURLToPath(new URL('../prisma', import.meta.url));
const SNAPSHOT = join(PRISMA, 'migrations', 'schema.snapshot');

const name = process.argv[2];
if (name === undefined || !/^[a-z0-9_]+$/.test(name)) {
  process.stderr.write('Give the change a name of small letters, digits and "_": npm run migration -- add_schedules\n');
  process.exit(1);
}
const schema = readFileSync(join(PRISMA, 'schema.prisma'), 'utf8');
const before = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : undefined;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-migration-'));
chmodSync(folder, 0o755);
const server = await startPrivatePostgres({ folder, throwAway: true });
const sql = await schemaDifference(before, schema, server.url).finally(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});
if (sql === '') {
  process.stdout.write('prisma/schema.prisma has no change that needs SQL.\n');
  process.exit(0);
}
const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
const home = join(PRISMA, 'migrations', `${stamp}_${name}`);
mkdirSync(home);
writeFileSync(join(home, 'migration.sql'), sql);
writeFileSync(SNAPSHOT, schema);
process.stdout.write(`prisma/migrations/${stamp}_${name}/migration.sql\n`);
