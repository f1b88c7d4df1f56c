/**
 * What the door accepts, parsed and re-emitted: nothing of a caller's text reaches Prolog as it came
 * (SHARP-EDGES 7). The ask, the template and each event are read by our own reader and written anew, keys that
 * we do not know are refused, and those that stock clients send without meaning are dropped.
 */
import { LogicError } from '../errors.ts';
import { refuseNamedLocals } from '../language.ts';
import { ANSWERS, QUERY_TEXT_BYTES, TERM_DEPTH } from '../limits.ts';
import { argumentsOf, isCompound, readTerm, type Term, writeTerm } from '../term.ts';
import { hideAnonymous, type Vocabulary } from './vocabulary.ts';

export type ReplyFormat = 'json' | 'prolog';

/** What a create asks for, checked. */
export interface CreateWish {
  readonly format: ReplyFormat;
  /** The ask as it was received. */
  readonly ask: string | null;
  /** Ask and template as Prolog may read them. */
  readonly goal: string | null;
  readonly template: string | null;
  readonly chunk: number;
  readonly destroy: boolean;
}

export interface CreateRequest {
  readonly format: ReplyFormat;
  /** The ask as it was received: what the reply's signature speaks of. Null: the question comes later. */
  readonly ask: string | null;
  readonly destroy: boolean;
  /** The JSON body for the engine's Pengine server. */
  readonly emitted: string;
  /** For the lane, where all answers are wanted at once: `lane(Ask,Template)`. */
  readonly lane: string | null;
}

export interface SendRequest {
  /** Set where the event is a new question: the event as it was received. */
  readonly ask: string | null;
  readonly kind: 'ask' | 'next' | 'stop' | 'destroy';
  /** The event's text for the engine. */
  readonly emitted: string;
}

const APPLICATIONS: readonly string[] = ['logic', 'pengine_sandbox'];
/** `alias` is local to SWI-Prolog's client, which sends it all the same. */
const IGNORED_KEYS: readonly string[] = ['alias'];
const KNOWN_KEYS: readonly string[] = [
  'application',
  'ask',
  'template',
  'chunk',
  'destroy',
  'format',
  'src_text',
  'src_url',
];

/** The keys of a create, from a JSON or a form body. Throws `bad_request`. */
export function readKeys(contentType: string, body: Buffer): ReadonlyMap<string, unknown> {
  const text = body.toString('utf8');
  if (contentType.startsWith('application/json')) return jsonKeys(text);
  if (contentType.startsWith('application/x-www-form-urlencoded')) return new Map(new URLSearchParams(text));
  throw new LogicError('bad_request', 'Send application/json or application/x-www-form-urlencoded.');
}

function jsonKeys(text: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LogicError('bad_request', 'The body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LogicError('bad_request', 'The body is not a JSON object.');
  }
  return new Map(Object.entries(value));
}

/** The format that a reply to this request has, also where the request is refused. Throws `bad_request`. */
export function readFormat(given: unknown): ReplyFormat {
  if (given === undefined || given === 'prolog') return 'prolog';
  if (given === 'json') return 'json';
  throw new LogicError('bad_request', 'The format is json or prolog.');
}

/** Throws `bad_request`, `forbidden_source`, `syntax_error`, `too_large`, `unknown_predicate`. */
export function readWish(keys: ReadonlyMap<string, unknown>, vocabulary: Vocabulary): CreateWish {
  for (const key of keys.keys()) {
    if (!KNOWN_KEYS.includes(key) && !IGNORED_KEYS.includes(key)) {
      throw new LogicError('bad_request', `The key ${JSON.stringify(key.slice(0, 40))} is not accepted.`);
    }
  }
  checkSource(keys);
  const application = keys.get('application') ?? 'pengine_sandbox';
  if (typeof application !== 'string' || !APPLICATIONS.includes(application)) {
    throw new LogicError('bad_request', 'The application is logic.');
  }
  const format = readFormat(keys.get('format'));
  const ask = textOf(keys, 'ask');
  const destroy = readDestroy(keys.get('destroy'));
  const chunk = readChunk(keys.get('chunk'));
  const goal = ask === null ? null : emitGoal(readBounded(ask), vocabulary);
  const given = textOf(keys, 'template');
  const template = given === null ? null : emitTemplate(readBounded(given), vocabulary);
  return { format, ask, goal, template, chunk, destroy };
}

/** A create for the engine. Throws as `readWish`. */
export function readCreate(keys: ReadonlyMap<string, unknown>, vocabulary: Vocabulary): CreateRequest {
  const { format, ask, goal, template, chunk, destroy } = readWish(keys, vocabulary);
  const emitted = JSON.stringify({
    application: 'logic',
    format,
    destroy,
    src_text: '',
    chunk,
    ...(goal !== null && { ask: goal }),
    ...(template !== null && { template }),
  });
  // A site gives no more answers than that: such a pengine has nothing left to be asked for.
  const all = destroy && chunk === ANSWERS;
  const lane = all && goal !== null && template !== null ? `lane(${goal},${template})` : null;
  return { format, ask, destroy, emitted, lane };
}

/** A create with a tag by which its pengine can be ended before its id is known (node-agent/prolog/vet.pl). */
export function withTag(emitted: string, tag: string): string {
  return `${emitted.slice(0, -1)},"alias":${JSON.stringify(tag)}}`;
}

/** One event of `send`. Throws as `readCreate`. */
export function readEvent(text: string, vocabulary: Vocabulary): SendRequest {
  const event = readBounded(text);
  if (event.kind === 'atom' && (event.name === 'next' || event.name === 'stop' || event.name === 'destroy')) {
    return { ask: null, kind: event.name, emitted: event.name };
  }
  if (event.kind === 'compound' && event.name === 'next' && event.args.length === 1) {
    return { ask: null, kind: 'next', emitted: `next(${chunkOf(event.args[0])})` };
  }
  const [goal, options] = event.kind === 'compound' && event.name === 'ask' ? event.args : [];
  if (
    goal === undefined ||
    options?.kind !== 'list' ||
    event.kind !== 'compound' ||
    event.args.length !== 2
  ) {
    throw new LogicError(
      'bad_request',
      'The event is ask(Goal, Options), next, next(Count), stop or destroy.',
    );
  }
  const emittedOptions = options.items.map((option) => emitOption(option, vocabulary));
  return {
    ask: text,
    kind: 'ask',
    emitted: `ask(${emitGoal(goal, vocabulary)},[${emittedOptions.join(',')}])`,
  };
}

function emitOption(option: Term, vocabulary: Vocabulary): string {
  const argument = option.kind === 'compound' && option.args.length === 1 ? option.args[0] : undefined;
  if (option.kind === 'compound' && argument !== undefined) {
    if (option.name === 'template') {
      vocabulary.checkTemplate(argument);
      return `template(${writeTerm(hideAnonymous(argument))})`;
    }
    if (option.name === 'chunk') return `chunk(${chunkOf(argument)})`;
  }
  throw new LogicError('bad_request', 'The options of ask are template(Template) and chunk(Count).');
}

function emitGoal(goal: Term, vocabulary: Vocabulary): string {
  vocabulary.checkGoal(goal);
  refuseNamedLocals(innermost(goal));
  return writeTerm(hideAnonymous(goal));
}

/** The goal inside of `assuming`, `prove` and `why_not`. */
function innermost(ask: Term): Term {
  const [first, second] = argumentsOf(ask);
  if (isCompound(ask, 'assuming', 2)) return innermost(second as Term);
  return isCompound(ask, 'prove', 2) || isCompound(ask, 'why_not', 2) ? (first as Term) : ask;
}

/** In a create, ask and template are two texts: a variable that starts with `_` is not the same in both. */
function emitTemplate(template: Term, vocabulary: Vocabulary): string {
  vocabulary.checkTemplate(template);
  const text = writeTerm(template);
  if (/[[(,]_|^_/.test(text)) {
    throw new LogicError('bad_request', 'The variables of a template have names that do not start with _.');
  }
  return text;
}

function checkSource(keys: ReadonlyMap<string, unknown>): void {
  const text = keys.get('src_text') ?? '';
  if (typeof text !== 'string' || text.trim() !== '' || keys.has('src_url')) {
    throw new LogicError('forbidden_source', 'Sites run their own rules only.');
  }
}

/** A key's text, null where it is absent. Throws `bad_request` for anything else. */
export function textOf(keys: ReadonlyMap<string, unknown>, key: string): string | null {
  const value = keys.get(key);
  if (value === undefined) return null;
  if (typeof value !== 'string') throw new LogicError('bad_request', `${key} is a text.`);
  return value;
}

function readDestroy(given: unknown): boolean {
  if (given === undefined || given === true || given === 'true') return true;
  if (given === false || given === 'false') return false;
  throw new LogicError('bad_request', 'destroy is true or false.');
}

function readChunk(given: unknown): number {
  if (given === undefined) return 1;
  const chunk = typeof given === 'string' && /^\d{1,5}$/.test(given) ? Number(given) : given;
  if (typeof chunk !== 'number' || !Number.isInteger(chunk) || chunk < 1 || chunk > ANSWERS) {
    throw new LogicError('bad_request', `chunk is an integer from 1 to ${ANSWERS}.`);
  }
  return chunk;
}

function chunkOf(term: Term | undefined): number {
  if (term?.kind !== 'int')
    throw new LogicError('bad_request', `A count is an integer from 1 to ${ANSWERS}.`);
  return readChunk(Number(term.value));
}

function readBounded(text: string): Term {
  return readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term;
}
