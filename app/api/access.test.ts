import { beforeAll, expect, test } from 'vitest';
import { authEndpoint } from '#lib/http/auth-endpoints.ts';
import { ensureSetupToken } from '#lib/services/setup.ts';
import { cookieOf, ORIGIN, TEST_PASSWORD, testApi } from '../../testing/api.ts';

const api = testApi();
const ada = { name: 'Ada', email: 'Ada@Example.org', password: TEST_PASSWORD };
let token: string;

beforeAll(async () => {
  token = (await ensureSetupToken()) ?? '';
});

function setUp(given: string, peer = '192.0.2.7') {
  return api.call('POST', '/api/v1/setup', { body: { ...ada, token: given }, peer });
}

function signIn(password: string, peer: string, email = ada.email) {
  return api.call('POST', '/api/auth/sign-in/email', { body: { email, password }, peer });
}

test('the database keeps only a hash of the set-up token, and a new start makes the old one useless', async () => {
  const rows = await api.db().setting.findMany();
  expect(JSON.stringify(rows)).not.toContain(token);
  const old = token;
  token = (await ensureSetupToken()) ?? '';
  expect(token).not.toBe(old);
  expect((await setUp(old, '192.0.2.8')).status).toBe(403);
});

test('a wrong token is refused at its field, and guessing is slowed down', async () => {
  const first = await setUp('wrong', '192.0.2.9');
  expect(first.status).toBe(403);
  expect((await first.json()).fields.token).toBeDefined();
  for (let tries = 1; tries < 10; tries += 1) expect((await setUp('wrong', '192.0.2.9')).status).toBe(403);
  const limited = await setUp(token, '192.0.2.9');
  expect(limited.status).toBe(429);
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(500);
});

test('of several set-ups at once exactly one makes an owner, who is signed in', async () => {
  const responses = await Promise.all(Array.from({ length: 6 }, () => setUp(token)));
  const statuses = responses.map((response) => response.status).sort();
  expect(statuses).toEqual([201, 409, 409, 409, 409, 409]);
  expect(await api.db().user.count()).toBe(1);
  const made = responses.find((response) => response.status === 201) as Response;
  const session = await (await api.call('GET', '/api/v1/session', { cookie: cookieOf(made) })).json();
  expect(session.user).toMatchObject({ email: 'ada@example.org', role: 'owner' });
  expect(await ensureSetupToken()).toBeNull();
  expect(await (await api.call('GET', '/api/v1/setup')).json()).toEqual({ needed: false });
  expect(await api.db().auditEvent.count({ where: { action: 'setup.complete' } })).toBe(1);
});

test('the session cookie cannot be read by scripts or sent by other sites, and no body carries the session', async () => {
  const response = await signIn(TEST_PASSWORD, '192.0.2.20');
  const [cookie = ''] = response.headers.getSetCookie();
  expect(cookie).toMatch(/HttpOnly/i);
  expect(cookie).toMatch(/SameSite=Lax/i);
  const value = decodeURIComponent(cookieOf(response).split('=')[1] ?? '').split('.')[0] ?? '';
  expect(value.length).toBeGreaterThanOrEqual(32);
  expect(await response.text()).not.toContain(value);
  const sessions = await api.call('GET', '/api/v1/sessions', { cookie: cookieOf(response) });
  expect(await sessions.text()).not.toContain(value);
});

test('a forged or altered cookie signs nobody in', async () => {
  const cookie = cookieOf(await signIn(TEST_PASSWORD, '192.0.2.21'));
  const altered = cookie.replace(/\.(.)/, (_all, first: string) => `.${first === 'A' ? 'B' : 'A'}`);
  expect((await api.call('GET', '/api/v1/session', { cookie: altered })).status).toBe(401);
  const { token: known } = await api.db().session.findFirstOrThrow();
  expect((await api.call('GET', '/api/v1/session', { cookie: `holdfast.session_token=${known}` })).status).toBe(401);
});

test('after ten wrong passwords the account is closed for a while, from every address and for the right password', async () => {
  await api.signIn('viewer');
  const { email } = await api.db().user.findFirstOrThrow({ where: { role: 'viewer' } });
  for (let tries = 0; tries < 10; tries += 1) {
    expect((await signIn('wrong', `203.0.113.${tries}`, email)).status).toBe(401);
  }
  const limited = await signIn(TEST_PASSWORD, '203.0.113.99', email.toUpperCase());
  expect(limited.status).toBe(429);
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(100);
  expect((await signIn(TEST_PASSWORD, '203.0.113.100')).status).toBe(200);
});

test('one address cannot try many accounts', async () => {
  const statuses: number[] = [];
  for (let tries = 0; tries <= 30; tries += 1) {
    statuses.push((await signIn('wrong', '203.0.113.200', `person${tries}@example.org`)).status);
  }
  expect(statuses.slice(0, 30).every((status) => status === 401)).toBe(true);
  expect(statuses[30]).toBe(429);
});

test('a wrong password and an unknown person get the same answer', async () => {
  const [wrong, unknown] = await Promise.all([
    signIn('wrong', '192.0.2.31').then((response) => response.json()),
    signIn('wrong', '192.0.2.32', 'nobody@example.org').then((response) => response.json()),
  ]);
  expect({ ...wrong, requestId: '' }).toEqual({ ...unknown, requestId: '' });
});

test('signing out ends the session', async () => {
  const cookie = cookieOf(await signIn(TEST_PASSWORD, '192.0.2.40'));
  expect((await api.call('POST', '/api/auth/sign-out', { cookie, body: {} })).status).toBe(200);
  expect((await api.call('GET', '/api/v1/session', { cookie })).status).toBe(401);
});

test('an expired session is none', async () => {
  const cookie = cookieOf(await signIn(TEST_PASSWORD, '192.0.2.41'));
  const newest = await api.db().session.findFirstOrThrow({ orderBy: { createdAt: 'desc' } });
  await api.db().session.update({ where: { id: newest.id }, data: { expiresAt: new Date(Date.now() - 1000) } });
  expect((await api.call('GET', '/api/v1/session', { cookie })).status).toBe(401);
});

test('changing the password ends every other session and needs the current one', async () => {
  const [here, elsewhere] = [
    cookieOf(await signIn(TEST_PASSWORD, '192.0.2.50')),
    cookieOf(await signIn(TEST_PASSWORD, '192.0.2.51')),
  ];
  const change = (currentPassword: string, newPassword: string) =>
    api.call('POST', '/api/auth/change-password', { cookie: here, body: { currentPassword, newPassword } });
  expect(
    (await (await change('not the password', 'another long sentence')).json()).fields.currentPassword,
  ).toBeDefined();
  expect((await (await change(TEST_PASSWORD, 'short')).json()).fields.newPassword).toBeDefined();
  const changed = await change(TEST_PASSWORD, 'another long sentence');
  expect(changed.status).toBe(200);
  expect((await api.call('GET', '/api/v1/session', { cookie: elsewhere })).status).toBe(401);
  expect((await api.call('GET', '/api/v1/session', { cookie: cookieOf(changed) })).status).toBe(200);
  expect((await signIn(TEST_PASSWORD, '192.0.2.52')).status).toBe(401);
  expect((await signIn('another long sentence', '192.0.2.53')).status).toBe(200);
});

test('a person ends their own session by its id, and nobody else can', async () => {
  const cookie = cookieOf(await signIn('another long sentence', '192.0.2.60'));
  const { items } = await (await api.call('GET', '/api/v1/sessions', { cookie })).json();
  const current = items.find((session: { current: boolean }) => session.current);
  const stranger = await api.signIn('admin');
  expect((await api.call('DELETE', `/api/v1/sessions/${current.id}`, { cookie: stranger, body: {} })).status).toBe(404);
  expect((await api.call('DELETE', `/api/v1/sessions/${current.id}`, { cookie, body: {} })).status).toBe(204);
  expect((await api.call('GET', '/api/v1/session', { cookie })).status).toBe(401);
});

test.each([
  'sign-up/email',
  'update-user',
  'delete-user',
  'get-session',
  'list-sessions',
  'reset-password',
  'sign-in/social',
])('better-auth endpoint %s does not exist here', async (endpoint) => {
  for (const method of ['GET', 'POST']) {
    const body = method === 'POST' ? { email: 'eve@example.org', password: TEST_PASSWORD, name: 'Eve' } : undefined;
    expect((await api.call(method, `/api/auth/${endpoint}`, { body })).status).toBe(404);
  }
  expect(await api.db().user.count({ where: { email: 'eve@example.org' } })).toBe(0);
});

test.each([
  ['another site', { origin: 'https://evil.example' }],
  ['a page of another port', { origin: 'http://127.0.0.1:9999' }],
  ['a sandboxed frame', { origin: 'null' }],
  ['no page at all', { origin: '' }],
  ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
  ['a sibling domain', { 'sec-fetch-site': 'same-site' }],
])('a change asked for by %s is refused', async (_name, headers) => {
  const cookie = await api.signIn('owner');
  const given = headers as Record<string, string>;
  const response = await api.call('POST', '/api/v1/vaults', { cookie, body: {}, headers: given });
  expect(response.status).toBe(403);
  const out = await api.call('POST', '/api/auth/sign-out', { cookie, body: {}, headers: given });
  expect(out.status).toBe(403);
});

test('a form cannot pass for JSON', async () => {
  const cookie = await api.signIn('owner');
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
    const response = await api.call('POST', '/api/v1/vaults', { cookie, body: {}, headers: { 'content-type': type } });
    expect(response.status).toBe(400);
    expect((await response.json()).detail).toContain('The body is');
  }
});

test('whoever is not signed in cannot fill the memory with a body', async () => {
  let parts = 0;
  const body = new ReadableStream({
    pull(controller) {
      parts += 1;
      if (parts > 1_000) controller.close();
      else controller.enqueue(new Uint8Array(1_024));
    },
  });
  const headers = { host: new URL(ORIGIN).host, origin: ORIGIN, 'content-type': 'application/json' };
  // Node asks for `duplex` with a streamed body; the browser's types do not know it.
  const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
  const request = new Request(`${ORIGIN}/api/auth/sign-in/email`, init);
  expect((await authEndpoint(request)).status).toBe(400);
  expect(parts).toBeLessThan(10);
});

test('a name that an attacker points at this server is not served', async () => {
  const headers = { host: 'rebind.attacker.example', origin: 'http://rebind.attacker.example' };
  for (const path of ['/api/health', '/api/v1/setup']) {
    expect((await api.call('GET', path, { headers })).status).toBe(400);
  }
  expect((await api.call('GET', '/api/health', { headers: { host: 'localhost:9000' } })).status).toBe(200);
  expect((await api.call('GET', '/api/health', { headers: { host: '[::1]:8420' } })).status).toBe(200);
  expect(ORIGIN).toContain('127.0.0.1');
});
