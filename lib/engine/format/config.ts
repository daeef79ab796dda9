// The repository's `config` file: never compressed, no version byte (restic, internal/restic/config.go).

import { AppError } from '#lib/errors.ts';
import { isIrreducible, parsePolynomial, polynomialText } from '../chunker/polynomial.ts';

export interface RepositoryConfig {
  version: number;
  /** 32 random bytes as hex. */
  id: string;
  chunkerPolynomial: bigint;
}

/** Version 1 has no compression; it is read, and written without compression. */
const VERSIONS = [1, 2];

export function encodeConfig(config: RepositoryConfig): Buffer {
  const fields = {
    version: config.version,
    id: config.id,
    chunker_polynomial: polynomialText(config.chunkerPolynomial),
  };
  return Buffer.from(`${JSON.stringify(fields)}\n`);
}

export function decodeConfig(plaintext: Uint8Array): RepositoryConfig {
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(Buffer.from(plaintext).toString('utf8'));
  } catch (cause) {
    throw new AppError('repository-damaged', { message: 'The file "config" of the repository is not JSON.', cause });
  }
  const { version, id, chunker_polynomial: polynomial } = raw ?? {};
  if (typeof version !== 'number' || !VERSIONS.includes(version)) {
    throw new AppError('unsupported', {
      message: `The repository has format version ${JSON.stringify(version)}; versions 1 and 2 can be opened.`,
      hint: 'Use a newer version of this program.',
    });
  }
  if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id)) {
    throw new AppError('repository-damaged', 'The file "config" of the repository has no valid id.');
  }
  const chunkerPolynomial = typeof polynomial === 'string' ? parsePolynomial(polynomial) : undefined;
  // With a reducible polynomial the rolling hash degenerates; restic refuses it at every opening too.
  if (chunkerPolynomial === undefined || !isIrreducible(chunkerPolynomial)) {
    throw new AppError('repository-damaged', 'The file "config" of the repository has no valid chunker polynomial.');
  }
  return { version, id, chunkerPolynomial };
}
