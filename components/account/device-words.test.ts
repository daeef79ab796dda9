import { expect, test } from 'vitest';
import { deviceWords } from './device-words.ts';

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

test('a browser is named, whatever else it claims to be', () => {
  expect(deviceWords(CHROME)).toBe('Chrome on Linux');
  expect(deviceWords(`${CHROME} Edg/156.0.0.0`)).toBe('Edge on Linux');
  expect(
    deviceWords(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    ),
  ).toBe('Safari on iPhone');
  expect(deviceWords('Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe(
    'Firefox on macOS',
  );
});

test('what is not a browser is shown as it named itself, what said nothing is unknown', () => {
  expect(deviceWords('curl/8.1')).toBe('curl');
  expect(deviceWords('holdfast-script/2')).toBe('holdfast-script/2');
  expect(deviceWords(null)).toBe('Unknown program');
});
