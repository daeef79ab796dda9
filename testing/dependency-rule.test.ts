// The dependency rule of docs/architecture.md is biome.json. These tests plant what it forbids and see it refused.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIOME = join(ROOT, 'node_modules', '.bin', 'biome');

/** Where, what, and a part of the reason that is given. `N` becomes a number, so that all can be planted at once. */
const FORBIDDEN: [file: string, specifier: string, reason: string][] = [
  ['lib/engine/repository/plantedN.ts', '#lib/db/runs.ts', 'a library that has never heard of the app'],
  ['lib/engine/repository/plantedN.ts', '../../db/runs.ts', 'a library that has never heard of the app'],
  ['lib/engine/plantedN.ts', '#lib/config.ts', 'a library that has never heard of the app'],
  ['lib/engine/plantedN.ts', '#lib/queue/catalog.ts', 'a library that has never heard of the app'],
  ['lib/engine/plantedN.ts', 'next/server', 'Next in app, components and lib/http'],
  ['lib/stores/plantedN.ts', '#lib/engine/types.ts', 'knows nothing of what they mean'],
  ['lib/domain/plantedN.ts', '#lib/db/runs.ts', 'lib/domain holds pure rules'],
  ['lib/contracts/plantedN.ts', '#lib/domain/posture.ts', 'describes the wire'],
  ['lib/services/plantedN.ts', 'bullmq', 'BullMQ in lib/queue and workers/runtime.ts'],
  ['lib/services/plantedN.ts', 'next/headers', 'Next in app, components and lib/http'],
  ['lib/services/plantedN.ts', 'react', 'React in app, components and lib/client'],
  ['lib/services/plantedN.ts', '#lib/db/generated/client.ts', 'Prisma stays in lib/db'],
  ['lib/services/plantedN.ts', '@prisma/client', 'Prisma stays in lib/db'],
  ['lib/queue/plantedN.ts', '#lib/db/runs.ts', 'only delivers ids'],
  ['lib/client/plantedN.ts', '#lib/services/runs.ts', 'knows the server by its contracts only'],
  ['lib/client/plantedN.ts', 'node:fs', 'This runs in the browser'],
  ['components/runs/plantedN.tsx', '#lib/services/runs.ts', 'reach the server through lib/client only'],
  ['app/plantedN.ts', '#workers/main.ts', 'app and workers never meet'],
  ['app/plantedN.ts', '#lib/db/runs.ts', 'app/ holds routes only'],
  ['workers/plantedN.ts', '#app/layout.tsx', 'nothing imports them from below'],
  ['workers/handlers/plantedN.ts', 'bullmq', 'BullMQ in lib/queue and workers/runtime.ts'],
];

const ALLOWED: [file: string, specifier: string][] = [
  ['lib/engine/plantedN.ts', '#lib/stores/store.ts'],
  ['lib/services/plantedN.ts', '#lib/db/runs.ts'],
  ['lib/queue/plantedN.ts', 'bullmq'],
  ['workers/runtime.ts', 'bullmq'],
  ['components/runs/plantedN.tsx', '#lib/client/api.ts'],
];

const REFUSED_CODE: [file: string, source: string, rule: string][] = [
  ['lib/services/plantedN.ts', 'export const x = process.env.HOME;\n', 'noProcessEnv'],
  ['lib/services/plantedN.ts', "console.log('x');\n", 'noConsole'],
  ['lib/services/plantedN.ts', 'export const f = (x: any) => x;\n', 'noExplicitAny'],
  [
    'lib/services/plantedN.ts',
    'async function work(): Promise<void> {}\nexport function f() {\n  work();\n}\n',
    'noFloatingPromises',
  ],
];

interface Diagnostic {
  category: string;
  severity: string;
  message: string;
  location: { path: string };
}
let diagnostics: Diagnostic[];

const importsOf = (specifier: string) => [
  `import '${specifier}';\n`,
  `export type { X } from '${specifier}';\n`,
  `export const x = await import('${specifier}');\n`,
];
const placeOf = (file: string, index: number, variant = 0) => file.replace('N.', `-${index}-${variant}.`);

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lint-'));
  try {
    const plant = (file: string, source: string) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), source);
    };
    // Outside the checkout there is neither git nor the schema.
    const { $schema: _, ...settings } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'));
    plant('biome.json', JSON.stringify({ ...settings, vcs: { enabled: false } }));
    plant('package.json', readFileSync(join(ROOT, 'package.json'), 'utf8'));
    FORBIDDEN.forEach(([file, specifier], index) => {
      importsOf(specifier).forEach((source, variant) => {
        plant(placeOf(file, index, variant), source);
      });
    });
    ALLOWED.forEach(([file, specifier], index) => {
      plant(placeOf(file, 100 + index), `import '${specifier}';\n`);
    });
    REFUSED_CODE.forEach(([file, source], index) => {
      plant(placeOf(file, 200 + index), source);
    });
    const args = ['lint', '--reporter=json', '--max-diagnostics=none', '.'];
    const { stdout } = spawnSync(BIOME, args, { cwd: folder, encoding: 'utf8' });
    diagnostics = JSON.parse(stdout).diagnostics;
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const errorsOf = (file: string) =>
  diagnostics.filter(({ location, severity }) => severity === 'error' && location.path.endsWith(file));

test.each(FORBIDDEN.map((row, index) => [...row, index] as const))(
  '%s may not import %s',
  (file, specifier, reason, index) => {
    importsOf(specifier).forEach((_, variant) => {
      const said = errorsOf(placeOf(file, index, variant)).map(({ message }) => message);
      expect(said.join('\n')).toContain(reason);
    });
  },
);

test.each(ALLOWED.map((row, index) => [...row, index] as const))('%s may import %s', (file, _, index) => {
  expect(errorsOf(placeOf(file, 100 + index))).toEqual([]);
});

test.each(REFUSED_CODE.map((row, index) => [...row, index] as const))(
  '%s with %j is refused',
  (file, _, rule, index) => {
    expect(errorsOf(placeOf(file, 200 + index)).map(({ category }) => category.split('/').at(-1))).toContain(rule);
  },
);
