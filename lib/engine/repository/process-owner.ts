import { userInfo } from 'node:os';

export interface ProcessOwner {
  username: string;
  uid: number;
  gid: number;
}

/** Who runs this process, as key files, locks and snapshots record it. */
export function processOwner(): ProcessOwner {
  try {
    const { username, uid, gid } = userInfo();
    // -1 on systems without such numbers.
    return { username, uid: Math.max(0, uid), gid: Math.max(0, gid) };
  } catch {
    // Containers run under numbers that no account has.
    const uid = process.getuid?.() ?? 0;
    return { username: String(uid), uid, gid: process.getgid?.() ?? 0 };
  }
}
