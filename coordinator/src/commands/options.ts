/** Options that several commands have, so that they are written and explained once, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';

/** What every client of a coordinator takes: where it is, and whether a program reads the result. */
export function clientOptions(
  command: Command,
  json = 'one JSON object as the last line of standard output',
): Command {
  return command
    .addOption(new Option('--json', json))
    .addOption(new Option('--url <url>', 'the coordinator (default: the one in run.json of --data)'))
    .addOption(
      new Option(
        '--ca <file>',
        "for an https URL: the fleet's authority.pem (and LOGIC_TOKEN in the environment)",
      ),
    )
    .addOption(new Option('--data <dir>', 'data of the local fleet').default('.data'));
}

/** `a,b` and a repeated option both add names. */
export function collectNames(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...value.split(',')];
}

/** A repeated option whose value may hold commas. */
export function collectOne(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function milliseconds(value: string): number {
  const ms = Number(value);
  if (!Number.isInteger(ms) || ms < 1) throw new InvalidArgumentError('a whole number of milliseconds.');
  return ms;
}

export function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('a whole number from 1 on.');
  return number;
}

/** `key=value`, repeated. */
export function collectLabels(
  value: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, key, text] = /^([A-Za-z0-9._-]{1,63})=(.{0,256})$/.exec(value) ?? [];
  if (key === undefined || text === undefined) throw new InvalidArgumentError('a label is key=value.');
  return { ...before, [key]: text };
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30m`, `1h`, `7d` in milliseconds. */
export function duration(value: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(value) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? 0);
  if (!(ms > 0)) throw new InvalidArgumentError('a time is written 45s, 30m, 1h or 7d.');
  return ms;
}
