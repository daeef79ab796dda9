// Extended attributes, POSIX ACLs among them (system.posix_acl_access), which Node's fs cannot read. One system call per
// entry, with memory that is kept: a walk asks for every file, and most have none.

import koffi from 'koffi';
import type { ExtendedAttribute } from '../format/node.ts';

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux. */
const MAX_BYTES = 65_536;
const PATH_BYTES = 4096 + 256;

export interface AttributeReader {
  /**
   * Attributes of the entry itself (a path, or an open file, which saves the system the way to it), in the order the system
   * lists them; undefined when there are none. Throws 'EXYZ: …'.
   */
  read(at: string | Buffer | number): ExtendedAttribute[] | undefined;
}

/** Undefined where the system calls cannot be reached: then nobody can say whether there are attributes. */
export function openAttributeReader(): AttributeReader | undefined {
  if (process.platform !== 'linux') return undefined;
  let libc: ReturnType<typeof koffi.load>;
  try {
    libc = koffi.load(null);
  } catch {
    // No prebuilt binary for this processor. The backup reports it once.
    return undefined;
  }
  const list = libc.func('intptr_t llistxattr(const uint8_t *, uint8_t *, size_t)');
  const get = libc.func('intptr_t lgetxattr(const uint8_t *, const uint8_t *, uint8_t *, size_t)');
  const listOpen = libc.func('intptr_t flistxattr(int, uint8_t *, size_t)');
  const getOpen = libc.func('intptr_t fgetxattr(int, const uint8_t *, uint8_t *, size_t)');
  const pathBytes = Buffer.alloc(PATH_BYTES);
  const names = Buffer.alloc(MAX_BYTES);
  const value = Buffer.alloc(MAX_BYTES);
  const { ENOTSUP, ENODATA, ENOENT, E2BIG, ERANGE } = koffi.os.errno as Record<string, number>;

  const fail = (errno: number) => {
    const code = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
    return Object.assign(new Error(`${code}: the extended attributes cannot be read`), { code, syscall: 'listxattr' });
  };

  return {
    read(at) {
      const file = typeof at === 'number' ? at : undefined;
      if (typeof at !== 'number') {
        const length = typeof at === 'string' ? pathBytes.write(at, 0, 'latin1') : at.copy(pathBytes);
        // Longer paths are refused by every system call; lstat has said so already.
        if (length >= PATH_BYTES) return undefined;
        pathBytes[length] = 0;
      }
      const listed = Number(file === undefined ? list(pathBytes, names, MAX_BYTES) : listOpen(file, names, MAX_BYTES));
      if (listed === 0) return undefined;
      if (listed < 0) {
        const errno = koffi.errno();
        // A file system without attributes; or it vanished, which whoever opens it reports.
        if (errno === ENOTSUP || errno === ENOENT) return undefined;
        throw fail(errno);
      }
      const found: ExtendedAttribute[] = [];
      for (let from = 0; from < listed; ) {
        const end = names.indexOf(0, from);
        const name = names.subarray(from, end + 1);
        const size = Number(
          file === undefined ? get(pathBytes, name, value, MAX_BYTES) : getOpen(file, name, value, MAX_BYTES),
        );
        if (size < 0) {
          const errno = koffi.errno();
          // Removed since it was listed.
          if (errno !== ENODATA) throw fail(errno === E2BIG ? (ERANGE as number) : errno);
        } else {
          // Go marshals an empty slice as "" and a nil one as null; restic reads into a slice that is never nil.
          found.push({ name: names.toString('utf8', from, end), value: value.toString('base64', 0, size) });
        }
        from = end + 1;
      }
      return found;
    },
  };
}
