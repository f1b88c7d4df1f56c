/**
 * The answers of a fleet as one pengine gives them: distinct, in canonical order, whatever site they are from. Who wants to know the
 * site asks with `at(Site, Goal)`, or over tRPC. With `prove/2` a row is a value with a proof of it; one value may have several, each from
 * a site of its own.
 */
import type { Answer, FleetResult, JsonValue } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { fromJson, toJson } from '@fleet/shared/json.ts';
import {
  DOOR_ROWS,
  QUERY_TEXT_BYTES,
  REPLY_BYTES,
  REPLY_TERM_DEPTH,
  TERM_DEPTH,
} from '@fleet/shared/limits.ts';
import {
  compareTuples,
  readTerm,
  substitute,
  type Term,
  variablesOf,
  writeTerm,
} from '@fleet/shared/term.ts';

export interface Row {
  text(): string;
  json(): string;
}

export interface Table {
  readonly rows: readonly Row[];
  /** Of the answer variables. */
  readonly names: readonly string[];
}

/** What the answers are put into. */
export interface Shape {
  readonly ask: string;
  readonly template: string | null;
  /** The answer variables, and the base type of each. */
  readonly variables: readonly string[];
  readonly types: ReadonlyMap<string, string>;
  /** The variable that takes the proof, where the question is `prove/2`. */
  readonly proof: string | null;
}

interface Tuple {
  readonly values: readonly Term[];
  readonly proof: string | null;
}

/** @throws LogicError `answer_limit`, `partial_coverage` where a number is no more than a bound */
export function tableOf(result: FleetResult, shape: Shape): Table {
  const { variables, types, proof } = shape;
  const value = (bindings: Answer['bindings'], name: string): Term =>
    fromJson(bindings[name] as JsonValue, types.get(name) ?? 'atom');
  const tuples = bindingsOf(result, shape).flatMap(({ bindings, proof: text }): Tuple[] => {
    if (proof !== null && text === null) return [];
    return [{ values: variables.map((name) => value(bindings, name)), proof: proof === null ? null : text }];
  });
  const distinct = inOrder(tuples);
  if (distinct.length > DOOR_ROWS)
    throw new LogicError(
      'answer_limit',
      `The fleet has more than ${DOOR_ROWS} answers: narrow or count them.`,
    );
  const put = putInto(shape);
  return { rows: distinct.map(put), names: [...variables, ...(proof === null ? [] : [proof])] };
}

interface Found {
  readonly bindings: Answer['bindings'];
  readonly proof: string | null;
}

function bindingsOf({ kind, groups, join, answers }: FleetResult, { variables }: Shape): readonly Found[] {
  if (kind === 'join') return (join?.rows ?? []).map(({ bindings }) => ({ bindings, proof: null }));
  if (kind !== 'fold') return answers;
  const [group] = groups;
  if (group === undefined || group.bound !== 'exact') {
    const bound =
      group === undefined || group.bound === 'unknown' ? 'nothing is known' : group.bound.replace('_', ' ');
    const known = group?.value === null || group === undefined ? '' : ` ${JSON.stringify(group.value)}`;
    throw new LogicError(
      'partial_coverage',
      `Over the sites that answered: ${bound}${known}. No number for all of them.`,
    );
  }
  return group.value === null ? [] : [{ bindings: { [variables[0] ?? '']: group.value }, proof: null }];
}

/** Distinct, by values and then by proof. */
function inOrder(tuples: readonly Tuple[]): readonly Tuple[] {
  const compare = (a: Tuple, b: Tuple): number => {
    const order = compareTuples(a.values, b.values);
    if (order !== 0 || a.proof === b.proof) return order;
    return (a.proof ?? '') < (b.proof ?? '') ? -1 : 1;
  };
  const sorted = tuples.toSorted(compare);
  return sorted.filter((tuple, i) => i === 0 || compare(sorted[i - 1] as Tuple, tuple) !== 0);
}

/** How a tuple is written: into the template, or else as the goal with its values (Prolog) or by name (JSON). */
function putInto({ ask, template, variables, proof }: Shape): (tuple: Tuple) => Row {
  const bounds = { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH };
  const form = readTerm(template ?? ask, bounds).term;
  const names = [...variables, ...(proof === null ? [] : [proof])];
  return ({ values, proof: text }) => {
    const terms = () => {
      const told = [...values, ...(text === null ? [] : [readProof(text)])];
      return new Map(names.map((name, i) => [name, told[i] as Term]));
    };
    return {
      text: () => writeTerm(substitute(form, terms())),
      json: () =>
        JSON.stringify(
          template === null
            ? Object.fromEntries([...terms()].map(([name, term]) => [name, toJson(term)]))
            : toJson(substitute(form, terms())),
        ),
    };
  };
}

function readProof(text: string): Term {
  return readTerm(text, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true }).term;
}

/** The answer variables that a template names, as a list: what the language checks it by. */
export function columnsOf(template: string): string {
  const { term } = readTerm(template, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH });
  return `[${variablesOf(term).join(',')}]`;
}
