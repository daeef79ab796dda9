import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { PERMISSIONS, type Permission, type Role, roleMay, role as roles } from '#lib/contracts/access.ts';
import { ORIGIN, routeFiles, testApi } from '../../testing/api.ts';
import { ROUTES } from './v1/route-table.ts';

const api = testApi();
const files = await routeFiles();
/** better-auth has its own door, which lets three endpoints through: access.test.ts. */
const AUTH = '/api/auth/[...all]';
const METHODS = new Set(['GET', 'POST', 'PATCH', 'PUT', 'DELETE']);

const endpoints = files
  .filter(({ pattern }) => pattern !== AUTH)
  .flatMap(({ pattern, module }) =>
    Object.entries(module)
      .filter(([name]) => METHODS.has(name))
      .map(([method, handler]) => ({ method, pattern, handler })),
  );

test('every route names a permission of the table, or is one of the few that say otherwise', () => {
  expect(endpoints.length).toBeGreaterThan(30);
  const open: string[] = [];
  for (const { method, pattern, handler } of endpoints) {
    expect(handler.spec, `${method} ${pattern} is not made by route()`).toBeDefined();
    const { permission } = handler.spec;
    if (permission === 'public') open.push(`${method} ${pattern}`);
    else if (permission !== 'signed-in') expect(Object.keys(PERMISSIONS)).toContain(permission);
  }
  const rest = open.filter((name) => !name.endsWith('/[...rest]'));
  expect(rest.sort()).toEqual(['GET /api/health', 'GET /api/v1/setup', 'POST /api/v1/setup']);
});

test('a route file exports nothing that answers requests without a spec', () => {
  for (const { pattern, module } of files) {
    if (pattern === AUTH) continue;
    for (const [name, value] of Object.entries(module)) {
      expect(METHODS.has(name) || name === 'dynamic', `${pattern} exports ${name}`).toBe(true);
      if (METHODS.has(name)) expect(value.spec).toBeDefined();
    }
  }
});

test('the OpenAPI document knows every route', () => {
  const expected = files
    .map(({ pattern }) => pattern.replaceAll('[id]', '{id}'))
    .filter((pattern) => !pattern.includes('[...') && !pattern.endsWith('openapi.json'));
  expect(Object.keys(ROUTES).sort()).toEqual(expected.sort());
});

test('the OpenAPI document is served with a schema for every answer', async () => {
  const response = await api.call('GET', '/api/v1/openapi.json', { cookie: await api.signIn('viewer') });
  const document = await response.json();
  expect(document.openapi).toBe('3.1.0');
  const create = document.paths['/api/v1/vaults'].post;
  expect(create['x-permission']).toBe('vault:create');
  expect(create.requestBody.content['application/json'].schema.required).toEqual(['name', 'store']);
  expect(create.responses['201'].content['application/json'].schema.properties.repositoryId.pattern).toBe(
    '^[0-9a-f]{64}$',
  );
});

test('every role gets exactly what the table gives it, on every route', async () => {
  const cookies = new Map<Role, string>();
  for (const role of roles.options) cookies.set(role, await api.signIn(role));
  for (const { method, pattern, handler } of endpoints) {
    const { permission } = handler.spec;
    if (permission === 'public') continue;
    const path = pattern.replaceAll('[id]', randomUUID());
    const body = method === 'GET' ? undefined : {};
    const nobody = await api.call(method, path, { body });
    expect(nobody.status, `${method} ${pattern} signed out`).toBe(401);
    for (const [role, cookie] of cookies) {
      const response = await api.call(method, path, { body, cookie });
      await response.body?.cancel();
      const refused = response.status === 403 || response.status === 401;
      const may = permission === 'signed-in' || roleMay(role, permission as Permission);
      expect(!refused, `${method} ${pattern} as ${role}: ${response.status}`).toBe(may);
      expect(response.status, `${method} ${pattern} as ${role}`).toBeLessThan(500);
    }
  }
});

test('HEAD of a stream does none of what GET does', async () => {
  const streams = endpoints.filter(({ handler }) => handler.spec.response === 'stream');
  expect(streams.length).toBeGreaterThan(2);
  const cookie = await api.signIn('owner');
  for (const { pattern, handler } of streams) {
    const headers = { host: new URL(ORIGIN).host, cookie };
    // As Next does: it calls the handler of GET with the request as it came.
    const request = new Request(`${ORIGIN}${pattern}`, { method: 'HEAD', headers });
    const response = await handler(request, { params: Promise.resolve({ id: randomUUID() }) });
    expect(response.status, pattern).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
  }
});

test('an id that is none and an id that does not exist get the same answer', async () => {
  const cookie = await api.signIn('owner');
  for (const noun of ['vaults', 'sources', 'recovery-points', 'runs', 'workers']) {
    for (const id of ['x', '../../etc/passwd', "'; drop table run", randomUUID()]) {
      const response = await api.call('GET', `/api/v1/${noun}/${encodeURIComponent(id)}`, { cookie });
      expect(response.status, `${noun} ${id}`).toBe(404);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
    }
  }
});

test('a problem names the field, carries the request id and no stack', async () => {
  const response = await api.call('POST', '/api/v1/vaults', {
    cookie: await api.signIn('owner'),
    body: { name: 'two\nlines', store: { kind: 'local', path: 'relative' } },
  });
  expect(response.status).toBe(400);
  const body = await response.json();
  expect(body.fields).toEqual({
    name: 'A name is one line without control characters.',
    'store.path': 'Give an absolute path: one that starts with "/".',
  });
  expect(body.requestId).toBe(response.headers.get('x-request-id'));
  expect(JSON.stringify(body)).not.toMatch(/at .*\.ts|node_modules/);
  expect(response.headers.get('cache-control')).toBe('no-store');
});
