// System calls that Node's fs lacks, through koffi's prebuilt FFI: exact file times (fs.utimes takes a double, which
// is off by up to 100 ns, so that the next backup would see every restored file as modified), FIFOs, devices, extended
// attributes, and opening folders without following a symlink anywhere on the way. About 0.6 µs a call. Linux only;
// elsewhere `posix` is undefined and callers fall back.

import { constants as files } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import type { ExtendedAttribute } from '../format/node.ts';

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux. */
const XATTR_MAX = 65_536;
/** openat2(2), Linux 5.6; one number on every processor, like all system calls added since 2019. */
const SYS_OPENAT2 = 437;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const OPEN_HOW_BYTES = 24;
/** open(2): the entry itself, whatever its type and mode, unopened. Not among Node's constants. */
export const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const FOLDER_FLAGS = O_PATH | O_CLOEXEC | files.O_DIRECTORY | files.O_NOFOLLOW;

export class PosixError extends Error {
  readonly code: string;
  constructor(call: string, errno: number) {
    const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
    super(`${code}: ${call} failed`);
    this.code = code;
  }
}

/** Seconds since 1970, which may be negative, and nanoseconds from 0 to 999,999,999. */
export interface EntryTimes {
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
}

export interface Posix {
  /** Of the entry itself, never of a symlink's target. */
  setTimes(path: Buffer | string, times: EntryTimes): void;
  setFileTimes(fd: number, times: EntryTimes): void;
  makeFifo(path: Buffer | string, mode: number): void;
  /** stMode with its type bits. Needs root. */
  makeDevice(path: Buffer | string, stMode: number, device: bigint): void;
  setAttribute(path: Buffer | string, attribute: ExtendedAttribute): void;
  removeAttribute(path: Buffer | string, name: string): void;
  attributes(path: Buffer | string): ExtendedAttribute[];
  /** An O_PATH descriptor of a folder below another. Throws where the way leads through a symlink or out of it. */
  openFolder(at: number, relative: Buffer): number;
  /** For what openFolder() opened: Node warns of descriptors that a thread closes and did not open itself. */
  close(fd: number): void;
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
  const utimensat = libc.func('int utimensat(int, const uint8_t *, const int32_t *, int)');
  const futimens = libc.func('int futimens(int, const int32_t *)');
  const mkfifo = libc.func('int mkfifo(const uint8_t *, uint32_t)');
  const mknod = libc.func('int mknod(const uint8_t *, uint32_t, uint64_t)');
  const lsetxattr = libc.func('int lsetxattr(const uint8_t *, const uint8_t *, const uint8_t *, size_t, int)');
  const lremovexattr = libc.func('int lremovexattr(const uint8_t *, const uint8_t *)');
  const llistxattr = libc.func('intptr_t llistxattr(const uint8_t *, uint8_t *, size_t)');
  const lgetxattr = libc.func('intptr_t lgetxattr(const uint8_t *, const uint8_t *, uint8_t *, size_t)');
  const openat = libc.func('int openat(int, const uint8_t *, int)');
  const openat2 = libc.func('long syscall(long, int, const uint8_t *, const uint64_t *, size_t)');

  // Two timespecs of a 64-bit kernel, as 32-bit words: BigInt64Array would need four bigints a call.
  const times = new Int32Array(8);
  const timespecs = ({ atimeSec, atimeNsec, mtimeSec, mtimeNsec }: EntryTimes) => {
    times[0] = atimeSec | 0;
    times[1] = Math.floor(atimeSec / 2 ** 32);
    times[2] = atimeNsec;
    times[4] = mtimeSec | 0;
    times[5] = Math.floor(mtimeSec / 2 ** 32);
    times[6] = mtimeNsec;
    return times;
  };
  const cString = (text: Buffer | string) => Buffer.concat([Buffer.from(text), Buffer.of(0)]);
  const done = (call: string, result: number) => {
    if (result < 0) throw new PosixError(call, koffi.errno());
    return result;
  };
  const names = Buffer.alloc(XATTR_MAX);
  const value = Buffer.alloc(XATTR_MAX);
  const how = new BigUint64Array([BigInt(FOLDER_FLAGS), 0n, BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)]);
  let hasOpenat2 = true;
  const openByName = (at: number, relative: Buffer): number => {
    let fd = at;
    for (const name of relative.toString('latin1').split('/')) {
      const next = openat(fd, cString(Buffer.from(name, 'latin1')), FOLDER_FLAGS) as number;
      const errno = koffi.errno();
      if (fd !== at) close(fd);
      if (next < 0) throw new PosixError('openat', errno);
      fd = next;
    }
    return fd;
  };
  const close = libc.func('int close(int)');

  return {
    close: (fd) => {
      close(fd);
    },
    setTimes: (path, wanted) => {
      done('utimensat', utimensat(AT_FDCWD, cString(path), timespecs(wanted), AT_SYMLINK_NOFOLLOW));
    },
    setFileTimes: (fd, wanted) => {
      done('futimens', futimens(fd, timespecs(wanted)));
    },
    makeFifo: (path, mode) => {
      done('mkfifo', mkfifo(cString(path), mode));
    },
    makeDevice: (path, stMode, device) => {
      done('mknod', mknod(cString(path), stMode, device));
    },
    setAttribute: (path, attribute) => {
      const bytes = Buffer.from(attribute.value ?? '', 'base64');
      done('lsetxattr', lsetxattr(cString(path), cString(attribute.name), bytes, bytes.length, 0));
    },
    removeAttribute: (path, name) => {
      done('lremovexattr', lremovexattr(cString(path), cString(name)));
    },
    attributes: (path) => {
      const file = cString(path);
      const listed = done('llistxattr', Number(llistxattr(file, names, names.length)));
      const found: ExtendedAttribute[] = [];
      for (let at = 0; at < listed; ) {
        const end = names.indexOf(0, at);
        const size = done('lgetxattr', Number(lgetxattr(file, names.subarray(at, end + 1), value, value.length)));
        found.push({ name: names.toString('utf8', at, end), value: value.toString('base64', 0, size) });
        at = end + 1;
      }
      return found;
    },
    openFolder: (at, relative) => {
      if (hasOpenat2) {
        const fd = Number(openat2(SYS_OPENAT2, at, cString(relative), how, OPEN_HOW_BYTES));
        if (fd >= 0) return fd;
        const errno = koffi.errno();
        const { ENOSYS, EPERM } = constants.errno;
        // An older kernel, or a container whose filter does not know the call.
        if (errno !== ENOSYS && errno !== EPERM) throw new PosixError('openat2', errno);
        hasOpenat2 = false;
      }
      return openByName(at, relative);
    },
  };
}

export const posix: Posix | undefined = load();
