import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  // Only `prisma migrate deploy` by hand reads this; Holdfast itself applies migrations with lib/db/migrate.ts.
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://localhost/holdfast' },
});
