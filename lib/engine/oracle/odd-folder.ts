// A folder with everything that makes backups hard: names that are not text, hard links, a FIFO, links to nowhere,
// files at the edges of chunking, special modes, old and future times.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

/** Deterministic bytes that do not compress: xorshift32. */
export function noise(length: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

export const ODD_NAMES: readonly Buffer[] = [
  'plain.txt',
  'with space',
  ' leading and trailing ',
  'quote"quote\'quote',
  'back\\slash\\n',
  'new\nline',
  'tab\tand\rreturn',
  'bell\x07 backspace\b feed\f vertical\v escape\x1b delete\x7f',
  'html <b>&amp;',
  'ümläut',
  'decomposed u\u0308',
  'emoji 😀 and family 👨‍👩‍👧',
  'astral 𐀀 before ﬀ',
  'line separator\u2028 paragraph\u2029',
  'right to left \u202eexe.txt',
  'no-break\u00a0space',
  'replacement \ufffd character',
  'private use \ue000',
  'next line \u0085 control',
  '-rf',
  '~',
  'C:',
  '...',
  '*?[a]',
]
  .map((name) => Buffer.from(name))
  .concat([
    Buffer.from([0xff]),
    Buffer.concat([Buffer.from('latin1 '), Buffer.from([0xe4, 0xf6, 0xfc])]),
    Buffer.concat([Buffer.from('cut sequence '), Buffer.from([0xe2, 0x82])]),
    Buffer.concat([Buffer.from('surrogate '), Buffer.from([0xed, 0xa0, 0x80])]),
    Buffer.concat([Buffer.from('overlong '), Buffer.from([0xc0, 0xaf])]),
    Buffer.from('x'.repeat(255)),
    Buffer.alloc(255, 0xfe),
  ]);

function at(folder: string, name: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
}

/** Makes the folder, which must not exist. As root it also sets foreign owners. */
export function makeOddFolder(folder: string): void {
  mkdirSync(folder);
  ODD_NAMES.forEach((name, index) => {
    writeFileSync(at(folder, name), `content of odd name ${index}\n`);
  });
  const sub = `${folder}/sub`;
  mkdirSync(sub);
  mkdirSync(at(sub, Buffer.from([0x64, 0xff])));
  writeFileSync(
    Buffer.concat([at(sub, Buffer.from([0x64, 0xff])), Buffer.from('/inside')]),
    'below a name that is no text',
  );
  mkdirSync(`${sub}/empty folder`);
  mkdirSync(`${sub}/sticky`);
  chmodSync(`${sub}/sticky`, 0o1777);
  mkdirSync(`${sub}/deep/er/and/deeper`, { recursive: true });
  writeFileSync(`${sub}/deep/er/and/deeper/file`, 'deep');

  const files = `${folder}/files`;
  mkdirSync(files);
  writeFileSync(`${files}/empty`, '');
  writeFileSync(`${files}/one byte`, 'x');
  writeFileSync(`${files}/under a chunk`, noise(524_287, 1));
  writeFileSync(`${files}/least chunk`, noise(524_288, 2));
  writeFileSync(`${files}/over a chunk`, noise(524_289, 3));
  writeFileSync(`${files}/large`, noise(9_500_000, 4));
  writeFileSync(`${files}/same as large`, noise(9_500_000, 4));
  writeFileSync(`${files}/text`, 'All work and no play makes a dull test.\n'.repeat(40_000));
  writeFileSync(`${files}/zeros`, '');
  truncateSync(`${files}/zeros`, 18_000_001);
  writeFileSync(`${files}/setuid`, 'u');
  chmodSync(`${files}/setuid`, 0o4755);
  writeFileSync(`${files}/setgid`, 'g');
  chmodSync(`${files}/setgid`, 0o2750);
  writeFileSync(`${files}/secret`, 's');
  chmodSync(`${files}/secret`, 0o000);
  writeFileSync(`${files}/read only`, 'r');
  chmodSync(`${files}/read only`, 0o444);

  const links = `${folder}/links`;
  mkdirSync(links);
  writeFileSync(`${links}/first`, 'three names');
  linkSync(`${links}/first`, `${links}/second`);
  linkSync(`${links}/first`, `${sub}/third elsewhere`);
  symlinkSync('first', `${links}/good`);
  symlinkSync('/does/not/exist', `${links}/dangling`);
  symlinkSync('../sub', `${links}/to folder`);
  symlinkSync(at('..', Buffer.from([0x78, 0xff, 0xe2, 0x82])), at(links, 'bad target'));
  symlinkSync('new\nline "quoted" <&> \u2028', `${links}/odd target`);
  execFileSync('mkfifo', [`${links}/fifo`]);

  const times = `${folder}/times`;
  mkdirSync(times);
  for (const [name, seconds] of [
    ['before 1970', -1_000_000.75],
    ['whole second', 1_000_000_000],
    ['summer', 1_721_000_000.123_456],
    ['winter', 1_705_000_000.5],
    ['future', 4_000_000_000.25],
  ] as const) {
    writeFileSync(`${times}/${name}`, name);
    utimesSync(`${times}/${name}`, seconds, seconds);
  }
  symlinkSync('nowhere', `${times}/link`);
  lutimesSync(`${times}/link`, 1_234_567_890.125, 1_234_567_890.125);
  if (process.getuid?.() === 0) {
    chownSync(`${files}/text`, 1, 2);
    chownSync(`${files}/zeros`, 54_321, 54_322);
    chownSync(`${sub}/sticky`, 33, 33);
  }
  utimesSync(sub, 1_400_000_000.001, 1_400_000_000.001);
  utimesSync(folder, 1_500_000_000, 1_500_000_000);
}
