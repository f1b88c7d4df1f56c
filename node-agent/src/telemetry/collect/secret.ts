/**
 * A token in a file of its own, so that collectors.json can be shown to anyone. The file must be closed to everyone
 * but its owner; it is read at each pass, so a new token needs no restart. What it holds stands in no message.
 */
import { open } from 'node:fs/promises';
import { LogicError } from '@fleet/shared/errors.ts';
import { SECRET_FILE_BYTES } from '@fleet/shared/limits.ts';

/** The one line of the file. Throws `source_refused`, with what to do about the file. */
export async function readSecret(path: string): Promise<string> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new LogicError('source_refused', `${path} cannot be read: ${cause.code}.`);
  });
  try {
    // Of the open file, so that it is the one that is read.
    const stat = await file.stat();
    if (!stat.isFile()) throw new LogicError('source_refused', `${path} is no file.`);
    const { mode, size } = stat;
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new LogicError('source_refused', `${path} is open to others (mode ${octal}): chmod 600 it.`);
    }
    if (size > SECRET_FILE_BYTES) throw new LogicError('source_refused', `${path} is too large for a token.`);
    return (await file.readFile('utf8')).trim();
  } finally {
    await file.close();
  }
}
