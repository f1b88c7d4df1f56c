/**
 * The command lines of `npm start` and `npm run site`. What they take is small and stays that way:
 * later work and unit files rely on these names.
 */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LOCAL_SITES } from '@fleet/shared/limits.ts';

export interface StartOptions {
  /** Sample sites beside this machine. */
  readonly sites: number;
  /** Absolute path. */
  readonly data: string;
  /** The coordinator's port on loopback; 0 takes a free one. */
  readonly port: number;
  readonly ask: string | null;
  readonly json: boolean;
}

export interface SiteOptions {
  /** Absolute path. */
  readonly data: string;
  readonly port: number;
  /** Handed to `logic-node serve` as they are. */
  readonly rest: readonly string[];
}

/** A command line that does not hold; its message is for the person who wrote it. */
export class UsageError extends Error {}

const START_USAGE = 'usage: npm start -- [--sites N] [--data DIR] [--port P] [--ask QUERY [--json]]';
const SITE_USAGE = 'usage: npm run site -- [--data DIR] [--port P] [flags of logic-node serve]';
const DATA = '.data';

/** @throws UsageError */
export function readStartOptions(args: readonly string[]): StartOptions {
  const values = readFlags(args);
  if (values.json && values.ask === undefined) throw new UsageError(`--json goes with --ask\n${START_USAGE}`);
  return {
    sites: wholeNumber('--sites', values.sites ?? '3', LOCAL_SITES),
    data: resolve(values.data ?? DATA),
    port: wholeNumber('--port', values.port ?? '8080', 65_535),
    ask: values.ask ?? null,
    json: values.json ?? false,
  };
}

function readFlags(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { sites: text, data: text, port: text, ask: text, json: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : cause}\n${START_USAGE}`);
  }
}

/** Takes `--data` and `--port` out of `args`; everything else is the agent's. @throws UsageError */
export function readSiteOptions(args: readonly string[]): SiteOptions {
  const rest: string[] = [];
  const own: Record<string, string> = { '--data': DATA, '--port': '8081' };
  for (let at = 0; at < args.length; at += 1) {
    const [flag = '', value = args[at + 1]] = (args[at] ?? '').split(/=(.*)/s, 2);
    if (!Object.hasOwn(own, flag)) {
      rest.push(args[at] ?? '');
      continue;
    }
    if (value === undefined) throw new UsageError(`${flag} needs a value\n${SITE_USAGE}`);
    own[flag] = value;
    if (!args[at]?.includes('=')) at += 1;
  }
  return {
    data: resolve(own['--data'] ?? DATA),
    port: wholeNumber('--port', own['--port'] ?? '', 65_535),
    rest,
  };
}

/** The flag that leads a command line run from here to this folder: none for the default, the shorter path otherwise. */
export function dataFlag(data: string): string {
  if (resolve(DATA) === data) return '';
  const near = relative('.', data) || '.';
  return ` --data ${near.length < data.length ? near : data}`;
}

function wholeNumber(flag: string, text: string, largest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= largest) return value;
  throw new UsageError(`${flag} takes a whole number from 0 to ${largest}, not ${JSON.stringify(text)}`);
}
