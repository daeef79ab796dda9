// Extended attributes, POSIX ACLs among them (system.posix_acl_access), which Node's fs cannot read. One system call per
// entry, with memory that is kept: a walk asks for every file, and most have none.

import koffi from 'koffi';
import type { ExtendedAttribute } from '../format/node.ts';

/** XATTR_LIST_MAX and XATTR_SIZE_MAX of Linux. */
const MAX_BYTES = 65_536;
const PATH_BYTES = 4096 + 256;

export interface AttributeReader {
  /** Attributes of the entry itself, in the order the system lists them; undefined when there are none. Throws 'EXYZ: …'. */
  read(path: string | Buffer): ExtendedAttribute[] | undefined;
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
  const pathBytes = Buffer.alloc(PATH_BYTES);
  const names = Buffer.alloc(MAX_BYTES);
  const value = Buffer.alloc(MAX_BYTES);
  const { ENOTSUP, ENODATA, ENOENT, E2BIG, ERANGE } = koffi.os.errno as Record<string, number>;

  const fail = (errno: number) => {
    const code = Object.entries(koffi.os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
    return Object.assign(new Error(`${code}: the extended attributes cannot be read`), { code, syscall: 'listxattr' });
  };

  return {
    read(path) {
      const length = typeof path === 'string' ? pathBytes.write(path, 0, 'latin1') : path.copy(pathBytes);
      // Longer paths are refused by every system call; lstat has said so already.
      if (length >= PATH_BYTES) return undefined;
      pathBytes[length] = 0;
      const listed = Number(list(pathBytes, names, MAX_BYTES));
      if (listed === 0) return undefined;
      if (listed < 0) {
        const errno = koffi.errno();
        // A file system without attributes; or it vanished, which whoever opens it reports.
        if (errno === ENOTSUP || errno === ENOENT) return undefined;
        throw fail(errno);
      }
      const found: ExtendedAttribute[] = [];
      for (let at = 0; at < listed; ) {
        const end = names.indexOf(0, at);
        const size = Number(get(pathBytes, names.subarray(at, end + 1), value, MAX_BYTES));
        if (size < 0) {
          const errno = koffi.errno();
          // Removed since it was listed.
          if (errno !== ENODATA) throw fail(errno === E2BIG ? (ERANGE as number) : errno);
        } else {
          // Go marshals an empty slice as "" and a nil one as null; restic reads into a slice that is never nil.
          found.push({ name: names.toString('utf8', at, end), value: value.toString('base64', 0, size) });
        }
        at = end + 1;
      }
      return found;
    },
  };
}
