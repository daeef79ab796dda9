// What is used of zip-stream, which has no types.
declare module 'zip-stream' {
  import type { Readable, Transform } from 'node:stream';

  export default class ZipStream extends Transform {
    constructor(options?: { zlib?: { level?: number }; forceZip64?: boolean });
    entry(source: Buffer | Readable, data: Record<string, unknown>, done: (error?: Error) => void): void;
    finalize(): void;
  }
}
