// What the main thread and the pack workers say to each other. Paths travel as latin1 text of their bytes: posting a
// Buffer would copy the whole pool it is a slice of.

import type { BlobDamage } from '../repository/blob-reader.ts';
import type { EntryMetadata, MetadataFailure } from './metadata.ts';

/** A file whose whole content is one blob (or none): made, written and finished in one go. */
export interface WholeFile {
  /** Number by which the main thread knows the file. */
  file: number;
  path: string;
  /** Written first and renamed over `path`, when something is there that may only go when the new file is whole. */
  temporary?: string;
  metadata: EntryMetadata;
}

/** A place in a file that the main thread made and will finish. */
export interface PartWrite {
  file: number;
  path: string;
  offset: number;
}

export interface RestoreBlob {
  id: string;
  /** In the bytes of the job. */
  offset: number;
  length: number;
  uncompressedLength?: number;
  /** The bytes are the plaintext already. */
  plain?: boolean;
  whole: WholeFile[];
  parts: PartWrite[];
}

export interface RestoreJob {
  kind: 'restore';
  bytes: Uint8Array;
  blobs: RestoreBlob[];
  empty: WholeFile[];
}

export interface FileFailure {
  file: number;
  code: string;
  message: string;
}

export interface RestoreDone {
  /** Indexes into `blobs` of those that could not be opened; nothing was written for them. */
  damaged: { blob: number; damage: BlobDamage }[];
  failures: FileFailure[];
  metadata: { file: number; failures: MetadataFailure[] }[];
}

export interface CompareFile {
  file: number;
  path: string;
  blobs: { id: string; length: number }[];
}

/** Reads files and compares them with blob ids. */
export interface CompareJob {
  kind: 'compare';
  files: CompareFile[];
}

export interface CompareDone {
  /** Numbers of the files that have exactly this content. */
  equal: number[];
  failures: FileFailure[];
}

export type PackJob = RestoreJob | CompareJob;
export type PackJobResult<Job extends PackJob> = Job extends RestoreJob ? RestoreDone : CompareDone;
