/**
 * The Pengine protocol as a coordinator speaks it: one `create` that asks and destroys, one event back
 * (docs/protocol.md section 4). A codec without I/O; whose reply it is and whether it is true is check.ts's matter.
 */
import { ERRORS, type ErrorCode, isErrorCode, LogicError } from './errors.ts';
import { assuming, type CheckedAsk } from './language.ts';
import { ANSWERS, REPLY_BYTES, REPLY_TERM_DEPTH } from './limits.ts';
import { isCompound, isValue, type ReadTerm, readTerm, type Term } from './term.ts';

/** A question as it is sent: the same bytes to every site. */
export interface Question {
  /** The text that a site's signature speaks of. */
  readonly ask: string;
  readonly template: string;
  /** JSON of the request. */
  readonly body: string;
}

/** The same for servers that know neither `prove/2` nor `assuming/2`; `plain` is null where the question rests on assumptions. */
export interface FleetQuestion extends Question {
  readonly plain?: string | null;
}

export interface ReplyRow {
  /** One value for each answer variable. */
  readonly values: readonly Term[];
  readonly proof: Term | null;
  /** The proof as the reply has it, where that is its canonical text. */
  readonly text: string | null;
}

export type EngineReply =
  | { readonly kind: 'answers'; readonly rows: readonly ReplyRow[] }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string };

/** The request that asks for all answers at once; with `prove`, each with its proof as the last column. */
export function questionBody(
  { text, variables, assumptions }: Pick<CheckedAsk, 'text' | 'variables' | 'assumptions'>,
  prove: boolean,
): FleetQuestion {
  const proof = freshVariable(text);
  const goal = prove ? `prove((${text}),${proof})` : text;
  const plain = assumptions.length === 0 ? request(text, variables).body : null;
  return { ...request(assuming(goal, assumptions), [...variables, ...(prove ? [proof] : [])]), plain };
}

/** The request that asks why a ground goal does not hold: its one answer is an explanation, none says that it holds. */
export function explanationBody({ text, assumptions }: CheckedAsk): Question {
  const why = freshVariable(text);
  return request(assuming(`why_not((${text}),${why})`, assumptions), [why]);
}

/** A variable that the text does not have. */
function freshVariable(text: string): string {
  let name = 'P__';
  while (text.includes(name)) name += '_';
  return name;
}

function request(ask: string, columns: readonly string[]): Question {
  const template = `[${columns.join(',')}]`;
  const body = JSON.stringify({
    application: 'logic',
    ask,
    template,
    chunk: ANSWERS,
    destroy: true,
    format: 'prolog',
  });
  return { ask, template, body };
}

/** Reads a site's reply to `questionBody`. Throws `bad_reply` for what is no reply to that question. */
export function readReply(text: string, asked: Pick<CheckedAsk, 'variables'>, prove: boolean): EngineReply {
  const { term, texts } = readEvent(text, prove ? 'step' : undefined);
  const event = outcomeOf(term);
  if (isCompound(event, 'failure', 2)) return { kind: 'answers', rows: [] };
  if (isCompound(event, 'error', 2)) return readError(event.args[1] as Term);
  if (!isCompound(event, 'success', 5)) malformed('an unknown event');
  const [, rows, , , more] = event.args as [Term, Term, Term, Term, Term];
  if (more.kind !== 'atom' || more.name !== 'false') malformed('an answer that is not whole');
  if (rows.kind !== 'list' || rows.items.length > ANSWERS) malformed('no list of answers, or too many');
  const read = rows.items.map((row): ReplyRow => {
    const { values, proof } = readRow(row, asked.variables.length, prove);
    return { values, proof, text: (proof && texts?.get(proof)) ?? null };
  });
  return { kind: 'answers', rows: read };
}

/** What a Pengine server said, without regard to whose it is and what it means. */
export interface PengineWord {
  /** `success`, `failure`, `error`, with their arguments. */
  readonly event: Term;
  /** The pengine lives on: its id, so that it can be ended. */
  readonly left: string | null;
}

/** The innermost event of a reply. Throws `bad_reply`. */
export function readWord(text: string): PengineWord {
  const whole = readEvent(text).term;
  const event = outcomeOf(whole);
  const id = isCompound(whole, 'create', 2) ? (whole.args[0] as Term) : null;
  const ended = isCompound(event, 'failure', 2) || isWhole(event);
  return { event, left: id?.kind === 'atom' && !ended ? id.name : null };
}

/** All answers are there. */
function isWhole(event: Term): boolean {
  const more = isCompound(event, 'success', 5) ? event.args[4] : undefined;
  return more?.kind === 'atom' && more.name === 'false';
}

/** The values of a `success` event. Throws `bad_reply`. */
export function readRows(event: Term, columns: number): (readonly Term[])[] {
  const [, rows] = isCompound(event, 'success', 5) ? event.args : [];
  if (rows?.kind !== 'list' || rows.items.length > ANSWERS) malformed('no list of answers, or too many');
  return rows.items.map((row) => [...readRow(row, columns, false).values]);
}

function malformed(what: string): never {
  throw new LogicError('bad_reply', `The reply is malformed: ${what}.`);
}

function readEvent(text: string, textsOf?: string): ReadTerm {
  try {
    return readTerm(text, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true, textsOf });
  } catch (cause) {
    if (!(cause instanceof LogicError)) throw cause;
    return malformed(cause.message.replace(/\.$/, ''));
  }
}

/** What became of the question, out of the events that wrap it: `create(Id, [.., answer(destroy(Id, Outcome))])`. */
function outcomeOf(event: Term): Term {
  if (isCompound(event, 'destroy', 2)) return event.args[1] as Term;
  if (!isCompound(event, 'create', 2)) return event;
  const features = event.args[1] as Term;
  const answers =
    features.kind === 'list' ? features.items.filter((one) => isCompound(one, 'answer', 1)) : [];
  const [answer] = answers;
  if (answers.length !== 1 || answer?.kind !== 'compound') malformed('a pengine without its one answer');
  const inner = answer.args[0] as Term;
  return isCompound(inner, 'destroy', 2) ? (inner.args[1] as Term) : inner;
}

function readRow(row: Term, columns: number, prove: boolean): Omit<ReplyRow, 'text'> {
  if (row.kind !== 'list' || row.items.length !== columns + (prove ? 1 : 0))
    malformed('an answer of another shape');
  const values = row.items.slice(0, columns);
  if (!values.every(isValue)) malformed('an answer that is no value');
  return { values, proof: prove ? (row.items[columns] as Term) : null };
}

/** A site's own error. It can say that it refused or failed, not how its coordinator should judge it. */
function readError(error: Term): EngineReply {
  const [formal] = isCompound(error, 'error', 2) ? error.args : [];
  const [code, message] = formal !== undefined && isCompound(formal, 'logic', 2) ? formal.args : [];
  const text = message?.kind === 'atom' ? message.name : 'The site reports an error of its own.';
  const known = code?.kind === 'atom' && isErrorCode(code.name) ? code.name : 'internal';
  const { outcome } = ERRORS[known];
  return {
    kind: 'error',
    code: outcome === 'refused' || outcome === 'error' ? known : 'internal',
    message: text,
  };
}
