// Reads a zip the way unpackers do, from its central directory, so that the stories need no program for it. Layout: APPNOTE.TXT
// of PKWARE, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.

import { inflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const END_64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const FITS_NOT = 0xffffffff;

/** Content of every file by name, as bytes in latin1; folders end in "/" and are left out. */
export function readZip(zip: Buffer): Map<string, Buffer> {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || zip.readUInt32LE(end) !== END) throw new Error('no end of central directory: not a whole zip');
  let count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  const end64 = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x06, 0x06]));
  if ((count === 0xffff || at === FITS_NOT) && end64 >= 0 && zip.readUInt32LE(end64) === END_64) {
    count = Number(zip.readBigUInt64LE(end64 + 32));
    at = Number(zip.readBigUInt64LE(end64 + 48));
  }
  const files = new Map<string, Buffer>();
  for (let index = 0; index < count; index++) {
    if (zip.readUInt32LE(at) !== CENTRAL) throw new Error(`entry ${index} is not where it should be`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = zip.toString('latin1', at + 46, at + 46 + nameLength);
    const extra = zip.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const size = {
      plain: zip.readUInt32LE(at + 24),
      packed: zip.readUInt32LE(at + 20),
      offset: zip.readUInt32LE(at + 42),
    };
    const [plain, packed, offset] = large(extra, [size.plain, size.packed, size.offset]);
    if (!name.endsWith('/')) {
      const body = offset + 30 + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
      const stored = zip.subarray(body, body + packed);
      const content = zip.readUInt16LE(at + 10) === 0 ? Buffer.from(stored) : inflateRawSync(stored);
      if (content.length !== plain) throw new Error(`${name} has ${content.length} bytes instead of ${plain}`);
      files.set(name, content);
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}

/** Numbers that do not fit stand in the extra field 1, in this order. */
function large(extra: Buffer, numbers: [number, number, number]): [number, number, number] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let from = at + 4;
    return numbers.map((number) => {
      if (number !== FITS_NOT) return number;
      from += 8;
      return Number(extra.readBigUInt64LE(from - 8));
    }) as [number, number, number];
  }
  return numbers;
}
