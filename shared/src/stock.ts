/**
 * What a stock Pengine server (no agent, no key, no proofs) says to a question, made comparable with what sites say:
 * every value has the type that the catalogue declares, answers are distinct and in canonical order. Nobody signed it and
 * nothing proves it, so its answers stand as `unproved`, whatever was asked for.
 *
 * Such a server is trusted with nothing: its text is bounded and read by our own reader, and of an error it is the name of the
 * ISO term that is looked at, never its words. A string counts as the atom of that text: a person's own facts often have them.
 */
import type { Answer } from './api/ask.ts';
import { hasBase, hasType, type Manifest } from './catalogue.ts';
import type { CheckedReply } from './check.ts';
import { type ErrorCode, LogicError } from './errors.ts';
import { toJson } from './json.ts';
import type { CheckedAsk } from './language.ts';
import { readRows, readWord } from './pengine.ts';
import { argumentsOf, compareTuples, indicator, isCompound, type Term } from './term.ts';

export interface StockReply {
  readonly text: string;
  readonly site: string;
  readonly asked: CheckedAsk;
  readonly manifest: Manifest;
}

/** Throws `bad_reply` for what is no reply or has values of other types, and the code that its error comes to. */
export function checkStockReply({ text, site, asked, manifest }: StockReply): CheckedReply {
  const { event, left } = readWord(text);
  if (isCompound(event, 'failure', 2)) return { answers: [], outcome: 'empty' };
  if (isCompound(event, 'error', 2)) throw errorOf(event.args[1] as Term);
  const rows = readRows(event, asked.variables.length);
  if (left !== null)
    throw new LogicError('answer_limit', 'The server has more answers than one reply holds.');
  const isTyped = typing(asked, manifest);
  if (!rows.every((row) => row.every(isTyped)))
    throw new LogicError('bad_reply', 'An answer has a value of another type than the catalogue declares.');
  rows.sort(compareTuples);
  const distinct = rows.filter(
    (row, i) => i === 0 || compareTuples(rows[i - 1] as readonly Term[], row) !== 0,
  );
  const answers = distinct.map((row): Answer => {
    const bindings = Object.fromEntries(asked.variables.map((name, i) => [name, toJson(row[i] as Term)]));
    return { site, bindings, standing: 'unproved', proof: null };
  });
  return { answers, outcome: answers.length === 0 ? 'empty' : 'answered' };
}

/** The pengine that a reply leaves behind at its server, which is to be ended; null where there is none, or no telling. */
export function leftBehind(text: string): string | null {
  try {
    return readWord(text).left;
  } catch {
    return null;
  }
}

/** ISO error terms, and what each comes to for whoever asked. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  existence_error: 'unknown_predicate',
  permission_error: 'forbidden',
  syntax_error: 'syntax_error',
  type_error: 'type_error',
  instantiation_error: 'unbound_argument',
  evaluation_error: 'evaluation_error',
  resource_error: 'memory_limit',
  time_limit_exceeded: 'time_limit',
};

function errorOf(error: Term): LogicError {
  const formal = isCompound(error, 'error', 2) ? (error.args[0] as Term) : error;
  const name = indicator(formal)?.split('/')[0] ?? '';
  const code = Object.hasOwn(CODES, name) ? (CODES[name] as ErrorCode) : 'internal';
  return new LogicError(
    code,
    `The server says ${name === '' ? 'that it failed' : name}${aboutWhat(formal)}.`,
  );
}

/** Of an unknown procedure, which: the one thing that helps whoever set up the server. */
function aboutWhat(formal: Term): string {
  if (!isCompound(formal, 'existence_error', 2)) return '';
  const [, what] = formal.args as [Term, Term];
  const called = isCompound(what, ':', 2) ? (what.args[1] as Term) : what;
  const named = indicator(isCompound(called, '/', 2) ? (called.args[0] as Term) : called);
  return named === null ? '' : `: ${named}`;
}

type Typed = (value: Term, column: number) => boolean;

/** Whether a value may stand in a column: by its base type, and by each place of the catalogue where its variable must match. */
function typing({ goal, variables, types }: CheckedAsk, { entries }: Manifest): Typed {
  const places = new Map<string, ((value: Term) => boolean)[]>();
  const walk = (term: Term): void => {
    if (isCompound(term, ',', 2)) {
      term.args.forEach(walk);
      return;
    }
    const entry = entries.get(indicator(term) ?? '');
    argumentsOf(term).forEach((argument, i) => {
      const type = entry?.args[i]?.type;
      if (argument.kind !== 'var' || type === undefined) return;
      places.set(argument.name, [...(places.get(argument.name) ?? []), (value) => hasType(value, type)]);
    });
  };
  walk(goal);
  return (value, column) => {
    const name = variables[column] as string;
    return hasBase(value, types.get(name) ?? 'atom') && (places.get(name) ?? []).every((fits) => fits(value));
  };
}
