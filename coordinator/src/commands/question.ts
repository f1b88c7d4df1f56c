/** The words of a fleet question on the command line (docs/fleet.md), the same for `ask` and `explain`. */
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { collectNames, collectOne, milliseconds } from './options.ts';

type OrderBy = NonNullable<FleetAskInput['orderBy']>;

export interface QuestionFlags {
  readonly site?: readonly string[];
  readonly where?: string;
  readonly groupBy?: FleetAskInput['groupBy'];
  readonly orderBy?: OrderBy;
  readonly limit?: number;
  readonly mode?: FleetAskInput['mode'];
  /** Milliseconds, both. */
  readonly maxAge?: number;
  readonly deadline?: number;
  readonly assume?: readonly string[];
  readonly prove: boolean;
}

export function questionOptions(command: Command, query: 'needed' | 'optional' = 'needed'): Command {
  return command
    .argument(
      query === 'needed' ? '<query>' : '[query]',
      "such as 'node_status(Node, Status)'; over sites: 'at(S1, vm(V)), at(S2, vm(V)), S1 \\== S2'",
    )
    .option('--site <name>', 'ask this site only (may be repeated)', collectNames)
    .option('--where <expression>', "ask the sites that match, such as 'region=eu, !(tier=edge); name=shop*'")
    .option(
      '--group-by <what>',
      'of an aggregate or top/3: fleet (the default), site, or label:NAME',
      grouping,
    )
    .option(
      '--order-by <variable>',
      'order of the rows: Variable, or Variable:desc (may be repeated)',
      ordering,
    )
    .option('--limit <rows>', 'the first rows only', count)
    .option('--mode <mode>', 'what must have answered: partial (the default), share=0.9, or strict', modeOf)
    .option('--max-age <ms>', 'sites whose proofs cite older observations are stale', milliseconds)
    .option('--deadline <ms>', 'milliseconds until sites count as timed out', milliseconds)
    .option('--assume <fact>', "what if: a fact that is to hold, or '\\+ fact' (may be repeated)", collectOne)
    .option('--no-prove', 'ask for no proofs: answers stand as unproved');
}

export function questionInput(query: string, flags: QuestionFlags): FleetAskInput {
  const { prove, site, where, groupBy, orderBy, limit, mode, maxAge, deadline, assume } = flags;
  return {
    query,
    prove,
    ...(assume && { assume: [...assume] }),
    ...(site && { sites: [...site] }),
    ...(where && { where }),
    ...(groupBy && { groupBy }),
    ...(orderBy && { orderBy }),
    ...(limit && { limit }),
    ...(mode && { mode }),
    ...(maxAge && { maxAgeMs: maxAge }),
    ...(deadline && { deadlineMs: deadline }),
  };
}

function grouping(value: string): NonNullable<FleetAskInput['groupBy']> {
  if (value === 'fleet' || value === 'site') return value;
  const label = /^label:(.+)$/.exec(value)?.[1];
  if (label === undefined) throw new InvalidArgumentError('one of fleet, site, label:NAME.');
  return { label };
}

function ordering(value: string, before: OrderBy = []): OrderBy {
  const keys = value.split(',').map((one) => {
    const [, variable, way] = /^([A-Z_][A-Za-z0-9_]*)(?::(asc|desc))?$/.exec(one) ?? [];
    if (variable === undefined)
      throw new InvalidArgumentError('a variable of the query, such as Load or Load:desc.');
    return { variable, descending: way === 'desc' };
  });
  return [...before, ...keys];
}

function count(value: string): number {
  const rows = Number(value);
  if (!Number.isInteger(rows) || rows < 1) throw new InvalidArgumentError('a whole number of rows.');
  return rows;
}

function modeOf(value: string): NonNullable<FleetAskInput['mode']> {
  if (value === 'partial' || value === 'strict') return value;
  const share = Number(/^share=(\d?\.?\d+)$/.exec(value)?.[1]);
  if (!(share > 0 && share <= 1)) throw new InvalidArgumentError('one of partial, strict, share=0.9.');
  return { share };
}
