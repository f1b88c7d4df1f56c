/**
 * Whether a model's file is the one that was put there: `sha256sums` in its folder, as `sha256sum *.gguf` writes it, lists it with these bytes.
 * llama.cpp reads a GGUF in C, without distrust: only files that somebody vouched for get that far.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LogicError } from '@fleet/shared/errors.ts';
import { MODEL_SUMS_BYTES } from '@fleet/shared/limits.ts';

const SUMS = 'sha256sums';

/** The digest of the file, which is the one listed. Throws `bad_setup` with what to do. */
export async function checkListed(modelFile: string): Promise<string> {
  const sums = join(dirname(modelFile), SUMS);
  const name = basename(modelFile);
  const listed = listedIn(readSums(sums), name);
  if (listed === null)
    throw refuse(
      `${sums} does not list ${name}: when you trust the file, run \`sha256sum ${name} >> ${SUMS}\` there`,
    );
  const found = await digestOf(modelFile);
  if (found !== listed)
    throw refuse(
      `${modelFile} is not the file that ${sums} lists: its SHA-256 is ${found}, listed is ${listed}`,
    );
  return found;
}

/** A line is the digest in hex, a space, a space or `*`, and the name. */
export function listedIn(sums: string, name: string): string | null {
  for (const line of sums.split('\n')) {
    const [, digest, listed] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+?)\r?$/.exec(line) ?? [];
    if (listed === name && digest !== undefined) return digest;
  }
  return null;
}

function readSums(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined)
    throw refuse(
      `${file} is not there: it lists the models that may be loaded, as \`sha256sum *.gguf\` writes it`,
    );
  if (found.size > MODEL_SUMS_BYTES) throw refuse(`${file} has more than ${MODEL_SUMS_BYTES} bytes`);
  return readFileSync(file, 'utf8');
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(part as Buffer);
  } catch (cause) {
    throw refuse(`${file} cannot be read`, cause);
  }
  return hash.digest('hex');
}

function refuse(message: string, cause?: unknown): LogicError {
  return new LogicError('bad_setup', message, cause);
}
