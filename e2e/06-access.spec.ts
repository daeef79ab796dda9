// Who gets in, and what a reviewer looks at first. Last of all stories: it changes the password and uses up the tries to sign in.

import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Page } from 'playwright/test';
import { answered, expect, keepSession, OWNER, test } from './fixtures.ts';
import { instance } from './running.ts';

const NEW_PASSWORD = 'another long sentence, just as fine';
const UUID = '00000000-0000-4000-8000-000000000000';

test.describe.configure({ mode: 'serial' });

async function signIn(page: Page, password: string): Promise<void> {
  await page.getByLabel('Email').fill(OWNER.email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** fetch() does not let a caller choose the host name. */
async function statusAs(host: string, path: string): Promise<number | undefined> {
  const [response] = (await once(get(`${instance.url}${path}`, { headers: { host } }), 'response')) as [
    IncomingMessage,
  ];
  response.resume();
  return response.statusCode;
}

test('without a session the API says 401 as a problem, for every address but the public ones', async ({ api }) => {
  const document = await api.get<{ paths: Record<string, Record<string, unknown>> }>('/openapi.json');
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, UUID)] as const),
  );
  expect(operations.length).toBeGreaterThan(25);
  const open: string[] = [];
  for (const [method, path] of operations) {
    if (method === 'PARAMETERS') continue;
    const response = await fetch(`${instance.url}${path}`, {
      method,
      headers: { origin: instance.url, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: '{}' }),
    });
    if (response.status !== 401) {
      open.push(`${method} ${path} ${response.status}`);
      await response.body?.cancel();
      continue;
    }
    expect(response.headers.get('content-type'), path).toBe('application/problem+json');
    expect(await response.json(), path).toMatchObject({ status: 401, code: 'unauthenticated' });
  }
  // Health, and whether set-up is needed; an attempt at set-up gets as far as its body.
  expect(open.sort()).toEqual([
    'GET /api/health 200',
    'GET /api/v1/setup 200',
    expect.stringMatching(/^POST \/api\/v1\/setup 4\d\d$/),
  ]);
});

test('a request from a page of another site is refused, with or without the cookie; so is an unknown host name', async ({
  api,
  context,
  signedIn: page,
}) => {
  await page.goto('/');
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const [vault] = await api.vaults();
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: instance.url, 'sec-fetch-site': 'cross-site' },
    { origin: instance.url, 'sec-fetch-site': 'same-site' },
    {},
  ] as Record<string, string>[]) {
    const response = await fetch(`${instance.url}/api/v1/vaults/${vault?.id}/checks`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json', ...headers },
      body: '{}',
    });
    expect(response.status, JSON.stringify(headers)).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'forbidden' });
  }
  const out = await fetch(`${instance.url}/api/auth/sign-out`, {
    method: 'POST',
    headers: { cookie, origin: 'https://evil.example', 'content-type': 'application/json' },
    body: '{}',
  });
  expect(out.status).toBe(403);
  // DNS of someone else's may lead a browser here under their name.
  for (const path of ['/', '/api/v1/overview']) expect([400, 421]).toContain(await statusAs('evil.example', path));
  expect(await api.overview()).toBeDefined();
});

test('pages and answers carry the headers, and the cookie the flags, that a reviewer expects', async ({
  signedIn: page,
  context,
}) => {
  const response = await page.goto('/');
  const headers = response?.headers() ?? {};
  const everywhere = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  };
  expect(headers).toMatchObject(everywhere);
  expect(headers).not.toHaveProperty('x-powered-by');
  const policy = headers['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toMatch(/script-src 'self' 'nonce-[A-Za-z0-9+/=]{16,}' 'strict-dynamic'(;|$)/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("base-uri 'none'");
  const again = await page.goto('/');
  expect(again?.headers()['content-security-policy'], 'a nonce is used once').not.toBe(policy);

  const answer = await page.request.get('/api/v1/overview');
  expect(answer.headers()).toMatchObject({ ...everywhere, 'cache-control': expect.stringContaining('no-store') });

  const session = (await context.cookies()).filter(({ httpOnly }) => httpOnly);
  expect(session.length).toBeGreaterThan(0);
  for (const cookie of session) expect(cookie).toMatchObject({ sameSite: 'Lax', path: '/', domain: '127.0.0.1' });
  // What scripts can read is taste, not access.
  const readable = await page.evaluate(() => document.cookie);
  expect(readable).not.toMatch(/session|token/i);
});

test('a deep link survives signing in; a wrong password is told without saying which half was wrong', async ({
  page,
  api,
  context,
  browserErrors,
}) => {
  browserErrors.allow(answered(401));
  const [vault] = await api.vaults();
  await page.goto(`/vaults/${vault?.id}?from=mail`);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await signIn(page, 'not the password at all');
  await expect(page.getByText('Email and password do not match.')).toBeVisible();
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
  await signIn(page, OWNER.password);
  await expect(page).toHaveURL(`/vaults/${vault?.id}?from=mail`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(vault?.name ?? '');
  await keepSession(context);

  await page.goto('/sign-in?next=//evil.example/');
  await expect(page).toHaveURL('/');
});

test('a changed password ends the other sessions, and opens the next one', async ({
  signedIn: page,
  browser,
  context,
  browserErrors,
}) => {
  browserErrors.allow(answered(400, 401, 422));
  const elsewhere = await browser.newContext({ baseURL: instance.url });
  const other = await elsewhere.newPage();
  await other.goto('/sign-in');
  await signIn(other, OWNER.password);
  await expect(other).toHaveURL('/');

  await page.goto('/settings');
  await page.getByLabel('Current password').fill('not the password at all');
  await page.getByLabel('New password').fill(NEW_PASSWORD);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('This is not your current password.')).toBeVisible();
  await page.getByLabel('Current password').fill(OWNER.password);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('Password changed')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Account' })).toBeVisible();
  await keepSession(context);

  // The page that is open there finds out by itself when it asks for anything.
  await other.getByRole('link', { name: 'Runs', exact: true }).click();
  await expect(other).toHaveURL(/\/sign-in\?next=/);
  await signIn(other, OWNER.password);
  await expect(other.getByText('Email and password do not match.')).toBeVisible();
  await signIn(other, NEW_PASSWORD);
  await expect(other).toHaveURL(/\/runs/);
  await elsewhere.close();
});

test('signing out ends the session on the server too', async ({ signedIn: page, context }) => {
  await page.goto('/');
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  await page.getByRole('button', { name: OWNER.name }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  const response = await fetch(`${instance.url}/api/v1/overview`, { headers: { cookie } });
  expect(response.status).toBe(401);
  await page.goBack();
  await expect(page).toHaveURL(/\/sign-in/);
});

test('too many wrong passwords stop the right one as well, and the answer says for how long', async ({
  page,
  browserErrors,
}) => {
  browserErrors.allow(answered(401, 429));
  const tries: number[] = [];
  while (tries.at(-1) !== 429 && tries.length < 30) {
    const response = await fetch(`${instance.url}/api/auth/sign-in/email`, {
      method: 'POST',
      headers: { origin: instance.url, 'content-type': 'application/json' },
      body: JSON.stringify({ email: OWNER.email, password: `guess number ${tries.length}` }),
    });
    tries.push(response.status);
    if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect(tries.length, `answers: ${tries}`).toBeLessThanOrEqual(11);
  expect(tries.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
  await page.goto('/sign-in');
  await signIn(page, NEW_PASSWORD);
  await expect(page.getByText('There were too many tries.')).toBeVisible();
  await expect(page.getByText(/Wait \d+ seconds/)).toBeVisible();
});
