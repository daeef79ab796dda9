import { expect, test } from 'vitest';
import { chmodBits, goModeFromStMode, modeText, nodeTypeFromStMode, stModeFromNode } from './mode.ts';

test('st_mode and Go FileMode turn into each other', () => {
  // Numbers as os.Lstat(...).Mode() prints them for such files.
  const cases: [number, string, number, string][] = [
    [0o100644, 'file', 0o644, '-rw-r--r--'],
    [0o104755, 'file', 0o755 + 2 ** 23, '-rwsr-xr-x'],
    [0o102640, 'file', 0o640 + 2 ** 22, '-rw-r-S---'],
    [0o040755, 'dir', 2_147_484_141, 'drwxr-xr-x'],
    [0o041777, 'dir', 2 ** 31 + 2 ** 20 + 0o777, 'drwxrwxrwt'],
    [0o120777, 'symlink', 134_218_239, 'lrwxrwxrwx'],
    [0o010644, 'fifo', 33_554_852, 'prw-r--r--'],
    [0o020620, 'chardev', 2 ** 26 + 2 ** 21 + 0o620, 'crw--w----'],
    [0o060660, 'dev', 2 ** 26 + 0o660, 'brw-rw----'],
    [0o140755, 'socket', 2 ** 24 + 0o755, 'srwxr-xr-x'],
  ];
  for (const [st, type, go, text] of cases) {
    expect(nodeTypeFromStMode(st)).toBe(type);
    expect(goModeFromStMode(st)).toBe(go);
    expect(chmodBits(go)).toBe(st & 0o7777);
    expect(stModeFromNode(nodeTypeFromStMode(st), go)).toBe(st);
    expect(modeText(nodeTypeFromStMode(st), go)).toBe(text);
  }
});
