import { expect, test } from 'vitest';
import { contentDisposition, downloadResponse, parseRange } from './download.ts';
import { peerOf } from './peer.ts';

test.each([
  ['report.pdf', `attachment; filename="report.pdf"; filename*=UTF-8''report.pdf`],
  ['a "b" c.txt', `attachment; filename="a _b_ c.txt"; filename*=UTF-8''a%20%22b%22%20c.txt`],
  ['grün.txt', `attachment; filename="gr_n.txt"; filename*=UTF-8''gr%C3%BCn.txt`],
  ['two\r\nSet-Cookie: x', `attachment; filename="two__Set-Cookie: x"; filename*=UTF-8''two__Set-Cookie%3A%20x`],
  ['../../etc/passwd', `attachment; filename=".._.._etc_passwd"; filename*=UTF-8''.._.._etc_passwd`],
  ['fdp.\u202Eexe', `attachment; filename="fdp._exe"; filename*=UTF-8''fdp._exe`],
  ['..', `attachment; filename="_"; filename*=UTF-8''_`],
  ['', `attachment; filename="download"; filename*=UTF-8''download`],
  ["it's (1)*", `attachment; filename="it's (1)*"; filename*=UTF-8''it%27s%20%281%29%2A`],
])('the name %j is offered safely', (name, header) => {
  expect(contentDisposition(name)).toBe(header);
  expect(() => new Headers({ 'content-disposition': header })).not.toThrow();
});

test('half a surrogate pair does not break the header', () => {
  expect(contentDisposition('x\ud800')).toContain("UTF-8''x%EF%BF%BD");
});

test('only one range from a first byte on is taken', () => {
  expect(parseRange('bytes=5-')).toEqual({ start: 5 });
  expect(parseRange('bytes=5-9')).toEqual({ start: 5, end: 9 });
  for (const header of [null, 'bytes=-5', 'bytes=9-5', 'bytes=1-2,4-5', 'lines=1-2'])
    expect(parseRange(header)).toBeUndefined();
});

test('content that breaks off breaks the answer instead of ending it', async () => {
  async function* content() {
    yield Buffer.from('half');
    throw new Error('disk gone');
  }
  const response = await downloadResponse(new Headers(), async () => ({ name: 'x', size: 8, content: content() }));
  await expect(response.text()).rejects.toThrow('disk gone');
});

test('a browser that goes away stops the reading', async () => {
  let ended = false;
  async function* content() {
    try {
      for (;;) yield Buffer.alloc(1024);
    } finally {
      ended = true;
    }
  }
  const response = await downloadResponse(new Headers(), async () => ({ name: 'x', content: content() }));
  const reader = (response.body as ReadableStream).getReader();
  await reader.read();
  await reader.cancel();
  expect(ended).toBe(true);
});

test('the address of a client is what the socket says, and a header only behind our own proxy', () => {
  expect(peerOf('::ffff:192.0.2.1', '10.0.0.1', false)).toBe('192.0.2.1');
  expect(peerOf('127.0.0.1', 'spoofed, 192.0.2.9', true)).toBe('192.0.2.9');
  expect(peerOf('127.0.0.1', undefined, true)).toBe('127.0.0.1');
});
