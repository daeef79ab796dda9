// What the main thread and the restore threads say to each other. A job may be about a thousand small files, so it is a
// few strings and number arrays instead of an object for each: cloning those cost as much as writing the files. Names and
// paths travel as latin1 text of their bytes.

import type { ExtendedAttribute } from '../format/node.ts';
import type { BlobDamage } from '../repository/blob-reader.ts';
import type { EntryMetadata, MetadataFailure } from './metadata.ts';
import type { FileIdentity } from './plan-items.ts';

/** The target of a restore, as its threads reach it: places.ts. */
export interface RestoreRoot {
  target: string;
  fd: number;
}

/** A file whose whole content is one blob (or none): made, written and finished in one go. */
export interface WholeFile {
  /** Number by which the main thread knows the file. */
  file: number;
  folder: string;
  name: string;
  /** Name under which it is written first, when something has the final one that may only go when the new file is whole. */
  temporary?: string;
  metadata: EntryMetadata;
}

/** A place in a file that the main thread made, keeps open until the job is done, and will finish. */
export interface PartWrite {
  /** Index of the blob in the job. */
  blob: number;
  file: number;
  fd: number;
  offset: number;
  /** The file has nothing but zeros here. */
  fresh: boolean;
}

export interface JobBlob {
  id: string;
  /** In the bytes of the job. */
  offset: number;
  length: number;
  uncompressedLength?: number;
}

/** numbers: offset, length, uncompressed length or 0, count of whole files. */
const BLOB_FIELDS = 4;
/** numbers: file, folder, mode, uid, gid, atime and mtime in seconds and nanoseconds. */
const FILE_FIELDS = 9;
const ID_LENGTH = 64;

export interface RestoreJob {
  kind: 'restore';
  root: RestoreRoot;
  bytes: Uint8Array;
  /** The bytes are plaintexts already. */
  plain: boolean;
  /** Leave out pages of zeros. */
  sparse: boolean;
  ids: string;
  blobs: Float64Array;
  folders: string[];
  /** Joined by slashes, which no name has. */
  names: string;
  files: Float64Array;
  temporaries: Map<number, string>;
  attributes: Map<number, readonly ExtendedAttribute[]>;
  parts: PartWrite[];
}

export class RestoreJobBuilder {
  readonly #ids: string[] = [];
  readonly #blobs: number[] = [];
  readonly #folders = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #files: number[] = [];
  readonly #temporaries = new Map<number, string>();
  readonly #attributes = new Map<number, readonly ExtendedAttribute[]>();
  readonly #parts: PartWrite[] = [];

  /** What is added afterwards belongs to this blob. Returns its index. */
  addBlob({ id, offset, length, uncompressedLength }: JobBlob): number {
    this.#ids.push(id);
    return this.#blobs.push(offset, length, uncompressedLength ?? 0, 0) / BLOB_FIELDS - 1;
  }

  addWhole({ file, folder, name, temporary, metadata }: WholeFile): void {
    const number = this.#names.length;
    let folderNumber = this.#folders.get(folder);
    if (folderNumber === undefined) {
      folderNumber = this.#folders.size;
      this.#folders.set(folder, folderNumber);
    }
    const { mode, uid, gid, atimeSec, atimeNsec, mtimeSec, mtimeNsec, attributes } = metadata;
    this.#files.push(file, folderNumber, mode, uid, gid, atimeSec, atimeNsec, mtimeSec, mtimeNsec);
    this.#names.push(name);
    if (temporary !== undefined) this.#temporaries.set(number, temporary);
    if (attributes && attributes.length > 0) this.#attributes.set(number, attributes);
    const count = this.#blobs.length - 1;
    this.#blobs[count] = (this.#blobs[count] as number) + 1;
  }

  addPart(part: Omit<PartWrite, 'blob'>): void {
    this.#parts.push({ ...part, blob: this.#ids.length - 1 });
  }

  build(bytes: Uint8Array, options: { root: RestoreRoot; sparse: boolean; plain?: boolean }): RestoreJob {
    return {
      kind: 'restore',
      root: options.root,
      bytes,
      plain: options.plain ?? false,
      sparse: options.sparse,
      ids: this.#ids.join(''),
      blobs: new Float64Array(this.#blobs),
      folders: [...this.#folders.keys()],
      names: this.#names.join('/'),
      files: new Float64Array(this.#files),
      temporaries: this.#temporaries,
      attributes: this.#attributes,
      parts: this.#parts,
    };
  }
}

/** The blobs of a job with what is to be written from each. */
export function* jobBlobs(job: RestoreJob): Generator<JobBlob & { whole: WholeFile[]; parts: PartWrite[] }> {
  const names = job.names.split('/');
  let file = 0;
  let part = 0;
  for (let blob = 0; blob * BLOB_FIELDS < job.blobs.length; blob++) {
    const [offset, length, uncompressed, count] = job.blobs.subarray(blob * BLOB_FIELDS, (blob + 1) * BLOB_FIELDS);
    const whole: WholeFile[] = [];
    for (let i = 0; i < (count as number); i++, file++) whole.push(wholeFile(job, file, names[file] as string));
    const from = part;
    while (part < job.parts.length && (job.parts[part] as PartWrite).blob === blob) part += 1;
    yield {
      id: job.ids.slice(blob * ID_LENGTH, (blob + 1) * ID_LENGTH),
      offset: offset as number,
      length: length as number,
      uncompressedLength: uncompressed || undefined,
      whole,
      parts: job.parts.slice(from, part),
    };
  }
}

function wholeFile(job: RestoreJob, number: number, name: string): WholeFile {
  const at = number * FILE_FIELDS;
  const field = (index: number) => job.files[at + index] as number;
  return {
    file: field(0),
    folder: job.folders[field(1)] as string,
    name,
    temporary: job.temporaries.get(number),
    metadata: {
      type: 'file',
      mode: field(2),
      uid: field(3),
      gid: field(4),
      atimeSec: field(5),
      atimeNsec: field(6),
      mtimeSec: field(7),
      mtimeNsec: field(8),
      attributes: job.attributes.get(number),
    },
  };
}

export interface FileFailure {
  file: number;
  code: string;
  message: string;
}

export interface RestoreDone {
  /** Indexes of blobs that could not be opened; nothing was written for them. */
  damaged: { blob: number; damage: BlobDamage }[];
  failures: FileFailure[];
  metadata: { file: number; failures: MetadataFailure[] }[];
}

export interface CompareFile {
  file: number;
  folder: string;
  name: string;
  blobs: { id: string; length: number }[];
  /** Go on after the first difference and say which blobs are there. */
  parts: boolean;
}

/** Reads files and compares them with blob ids. */
export interface CompareJob {
  kind: 'compare';
  /** Absent while planning: nothing is written where the names lead. */
  root?: RestoreRoot;
  files: CompareFile[];
}

export interface CompareDone {
  /** Numbers of the files that have exactly this content. */
  equal: number[];
  /** Files asked for by parts that are not equal but have some of the blobs. */
  partial: { file: number; blobs: Uint8Array; identity: FileIdentity }[];
  failures: FileFailure[];
}

/** Asks a thread to close what it holds open. */
export interface EndJob {
  kind: 'end';
}

export type PackJob = RestoreJob | CompareJob;
export type PackJobResult<Job extends PackJob> = Job extends RestoreJob ? RestoreDone : CompareDone;
