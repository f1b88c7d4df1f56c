/** `HOST:PORT` as people write it on a command line. */
import { LogicError } from '@fleet/shared/errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Throws `bad_setup` for what is not `HOST:PORT`, `[HOST]:PORT` or a port. */
export function readAddress(text: string, flag: string): Address {
  const found = /^(?:(\[[0-9a-fA-F:.]+\]|[^:]*):)?(\d{1,5})$/.exec(text);
  const port = Number(found?.[2] ?? Number.NaN);
  if (found === null || port > 65_535) throw new LogicError('bad_setup', `${flag} ${text}: write HOST:PORT`);
  const host = (found[1] ?? '').replace(/^\[|\]$/g, '');
  return { host: host === '' ? '127.0.0.1' : host, port };
}
