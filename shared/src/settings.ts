/** Reads a JSON file of the data folder that an operator writes: bounded, typed, and refused with the place that is wrong. */
import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { LogicError } from './errors.ts';

/** Null where there is no such file. Throws `bad_setup` with file and field. */
export function readSettings<T>(file: string, mostBytes: number, shape: z.ZodType<T>): T | null {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return null;
  if (found.size > mostBytes) throw badSettings(file, `more than ${mostBytes} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw badSettings(file, `no readable JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  const read = shape.safeParse(json);
  if (read.success) return read.data;
  const said = read.error.issues.map(({ path, message }) => `${path.join('.') || 'all of it'}: ${message}`);
  throw badSettings(file, said.join('; '));
}

export function badSettings(file: string, said: string, cause?: unknown): LogicError {
  return new LogicError('bad_setup', `${file}: ${said}`, cause);
}
