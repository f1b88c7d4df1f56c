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
