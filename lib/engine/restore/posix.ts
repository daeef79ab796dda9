// System calls that Node's fs lacks, through koffi's prebuilt FFI: exact file times (fs.utimes takes a double, which
// is off by up to 100 ns, so that the next backup would see every restored file as modified), FIFOs, devices and
// extended attributes. About 0.6 µs a call. Linux only; elsewhere `posix` is undefined and callers fall back.

import { constants } from 'node:os';
import koffi from 'koffi';
import type { ExtendedAttribute } from '../format/node.ts';

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const XATTR_MAX = 65_536;

export class PosixError extends Error {
  readonly code: string;
  constructor(call: string, errno: number) {
    const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
    super(`${code}: ${call} failed`);
    this.code = code;
  }
}

export interface Posix {
  /** Of the entry itself, never of a symlink's target. Nanoseconds since 1970. */
  setTimes(path: Buffer, atimeNs: bigint, mtimeNs: bigint): void;
  setFileTimes(fd: number, atimeNs: bigint, mtimeNs: bigint): void;
  makeFifo(path: Buffer, mode: number): void;
  /** stMode with its type bits. Needs root. */
  makeDevice(path: Buffer, stMode: number, device: bigint): void;
  setAttribute(path: Buffer, attribute: ExtendedAttribute): void;
  attributes(path: Buffer): ExtendedAttribute[];
}

function load(): Posix | undefined {
  if (process.platform !== 'linux') return undefined;
  let libc: ReturnType<typeof koffi.load>;
  try {
    libc = koffi.load(null);
  } catch {
    // No prebuilt binary for this processor: the callers' fallbacks say what they could not do.
    return undefined;
  }
  const utimensat = libc.func('int utimensat(int, const uint8_t *, const int64_t *, int)');
  const futimens = libc.func('int futimens(int, const int64_t *)');
  const mkfifo = libc.func('int mkfifo(const uint8_t *, uint32_t)');
  const mknod = libc.func('int mknod(const uint8_t *, uint32_t, uint64_t)');
  const lsetxattr = libc.func('int lsetxattr(const uint8_t *, const uint8_t *, const uint8_t *, size_t, int)');
  const llistxattr = libc.func('intptr_t llistxattr(const uint8_t *, _Out_ uint8_t *, size_t)');
  const lgetxattr = libc.func('intptr_t lgetxattr(const uint8_t *, const uint8_t *, _Out_ uint8_t *, size_t)');

  const times = new BigInt64Array(4);
  const timespecs = (atimeNs: bigint, mtimeNs: bigint) => {
    times[1] = BigInt.asUintN(64, ((atimeNs % NS) + NS) % NS);
    times[0] = (atimeNs - (times[1] as bigint)) / NS;
    times[3] = ((mtimeNs % NS) + NS) % NS;
    times[2] = (mtimeNs - (times[3] as bigint)) / NS;
    return times;
  };
  const cString = (text: Buffer | string) => Buffer.concat([Buffer.from(text), Buffer.of(0)]);
  const done = (call: string, result: number) => {
    if (result < 0) throw new PosixError(call, koffi.errno());
    return result;
  };

  return {
    setTimes: (path, atimeNs, mtimeNs) => {
      done('utimensat', utimensat(AT_FDCWD, cString(path), timespecs(atimeNs, mtimeNs), AT_SYMLINK_NOFOLLOW));
    },
    setFileTimes: (fd, atimeNs, mtimeNs) => {
      done('futimens', futimens(fd, timespecs(atimeNs, mtimeNs)));
    },
    makeFifo: (path, mode) => {
      done('mkfifo', mkfifo(cString(path), mode));
    },
    makeDevice: (path, stMode, device) => {
      done('mknod', mknod(cString(path), stMode, device));
    },
    setAttribute: (path, { name, value }) => {
      const bytes = Buffer.from(value ?? '', 'base64');
      done('lsetxattr', lsetxattr(cString(path), cString(name), bytes, bytes.length, 0));
    },
    attributes: (path) => {
      const file = cString(path);
      const names = Buffer.alloc(XATTR_MAX);
      const length = done('llistxattr', Number(llistxattr(file, names, names.length)));
      const found: ExtendedAttribute[] = [];
      for (const name of names.toString('utf8', 0, length).split('\0')) {
        if (name === '') continue;
        const value = Buffer.alloc(XATTR_MAX);
        const size = done('lgetxattr', Number(lgetxattr(file, cString(name), value, value.length)));
        found.push({ name, value: value.toString('base64', 0, size) });
      }
      return found;
    },
  };
}

const NS = 1_000_000_000n;

export const posix: Posix | undefined = load();
