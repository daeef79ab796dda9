// Prisma's schema engine compiled to WebAssembly: what `prisma migrate` runs, without the native binary that it downloads.
// For contributors and tests; Holdfast itself does not need it.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
// The package's main file imports the .wasm as a module, which Node 24 does only under a flag: it is instantiated by hand.
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import { Pool } from 'pg';

let loaded: Promise<void> | undefined;

async function load(): Promise<void> {
  const glue = engineModule as unknown as Record<string, WebAssembly.ImportValue> & {
    __wbg_set_wasm(exports: WebAssembly.Exports): void;
  };
  const entry = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const { instance } = await WebAssembly.instantiate(await readFile(entry.replace(/\.js$/, '.wasm')), {
    './schema_engine_bg.js': glue,
  });
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
}

/** Gives `use` an engine for one database. Even to compare two schemas it wants a server to answer. */
export async function withSchemaEngine<T>(
  schema: string,
  databaseUrl: string,
  use: (engine: engineModule.SchemaEngine) => Promise<T>,
): Promise<T> {
  loaded ??= load();
  await loaded;
  // Freeing the engine leaves its connection open, and with it its advisory lock.
  const pool = new Pool({ connectionString: databaseUrl });
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
  const engine = await engineModule.SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, adapter);
  try {
    return await use(engine);
  } finally {
    engine.free();
    await pool.end();
  }
}

/**
 * SQL that takes an empty database (`from` undefined) or one of schema `from` to schema `to`; '' when there is no difference.
 * The database is any that answers; it is not looked at.
 */
export function schemaDifference(from: string | undefined, to: string, databaseUrl: string): Promise<string> {
  const target = (content: string) => ({
    tag: 'schemaDatamodel' as const,
    files: [{ path: 'schema.prisma', content }],
    configDir: '.',
  });
  return withSchemaEngine(to, databaseUrl, async (engine) => {
    const { stdout } = await engine.diff({
      from: from === undefined ? { tag: 'empty' } : target(from),
      to: target(to),
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    const sql = (stdout ?? '').trim();
    return /^--[^\n]*$/.test(sql) ? '' : `${sql}\n`;
  });
}
