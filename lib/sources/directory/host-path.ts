import { bytesFromPathText } from '#lib/engine/format/path-text.ts';
import { AppError } from '#lib/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The path on this machine that a path text stands for. Texts from the folder picker and from recovery points escape odd
 * characters; what a person types is the path itself as long as it has no backslash, which is then written twice.
 */
export function hostPath(text: string): string {
  const bytes = bytesFromPathText(text);
  if (bytes.includes(0)) throw new AppError('invalid-input', 'A path cannot contain a NUL character.');
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new AppError('unsupported', {
      message: `The path "${text}" is not UTF-8.`,
      hint: 'Files with such names are backed up and restored, but the folder to start from needs a name in UTF-8. Choose the one above it.',
      cause,
    });
  }
}
