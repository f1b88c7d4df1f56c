/**
 * Reads a text of the state the way its operator may have left it: facts and their evidence in any order and layout,
 * comments, a fact without evidence, evidence whose fact is gone. Prolog loads only texts that this program wrote;
 * what people wrote comes through here, and a mistake is named with file and line.
 */
import { keyPositions, type Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '@fleet/shared/limits.ts';
import { argumentsOf, indicator, readTerm, type Term, writeTerm } from '@fleet/shared/term.ts';
import { atPlace, checkState } from './observation.ts';

/** Source, and two times in ms since 1970. */
export interface Evidence {
  readonly source: string;
  readonly observedAt: number;
  readonly validUntil: number;
}

export interface StatedFact {
  /** Canonical text. */
  readonly fact: string;
  readonly evidence: Evidence | null;
}

export interface ReadState {
  /** Null where the line is gone. */
  readonly revision: number | null;
  /** By the place that a fact takes: of a predicate with a key, one fact per value of it. */
  readonly facts: ReadonlyMap<string, StatedFact>;
}

interface Clause {
  readonly term: Term;
  readonly number: number;
}

/** Throws `bad_fact` with file and line. */
export function readState(text: string, file: string, manifest: Manifest): ReadState {
  let revision: number | null = null;
  const evidence = new Map<string, Evidence>();
  const stated = new Map<string, { fact: string; number: number }>();
  for (const { term, number } of clausesOf(text, file)) {
    atPlace(`${file}:${number}`, () => {
      const name = indicator(term);
      if (name === 'revision/1') revision = revisionOf(term);
      else if (name === 'evidence/4') {
        const [fact] = argumentsOf(term);
        if (fact !== undefined) evidence.set(placeOf(fact, manifest).fact, evidenceOf(term));
      } else {
        const { place, fact } = placeOf(term, manifest);
        const before = stated.get(place);
        if (before !== undefined && before.fact !== fact)
          throw new LogicError('bad_fact', `${fact}: line ${before.number} says ${before.fact}.`);
        stated.set(place, { fact, number });
      }
    });
  }
  const facts = [...stated].map(
    ([place, { fact }]) => [place, { fact, evidence: evidence.get(fact) ?? null }] as const,
  );
  return { revision, facts: new Map(facts) };
}

/** The text's clauses with the line that each begins on. Comments of both kinds are layout. */
function* clausesOf(text: string, file: string): Generator<Clause> {
  let clause = '';
  let begun = 0;
  let line = 1;
  for (let from = text.startsWith('\uFEFF') ? 1 : 0; from < text.length; ) {
    const to = pieceEnd(text, from);
    const piece = text.slice(from, to);
    const isLayout = piece.startsWith('%') || piece.startsWith('/*') || piece.trim() === '';
    if (clause === '' && !isLayout) begun = line + newlines(/^\s*/.exec(piece)?.[0] ?? '');
    if (clause !== '' || !isLayout) clause += isLayout ? ' ' : piece;
    if (piece === '.' && /^([\s%]|$)/.test(text.slice(to, to + 1))) {
      const whole = clause;
      clause = '';
      yield {
        number: begun,
        term: atPlace(
          `${file}:${begun}`,
          () => readTerm(whole, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term,
        ),
      };
    }
    line += newlines(piece);
    from = to;
  }
  if (clause !== '')
    throw new LogicError('bad_fact', `${file}:${begun}: this fact has no end: a full stop is missing`);
}

const PIECE = /%[^\n]*|[^%/'".]+|[\s\S]/gy;

/** Where the comment, quoted text, full stop or anything between them ends that begins at `from`. */
function pieceEnd(text: string, from: number): number {
  const first = text.charAt(from);
  if (first === "'" || first === '"') return quotedEnd(text, from);
  if (text.startsWith('/*', from)) {
    const end = text.indexOf('*/', from + 2);
    return end === -1 ? text.length : end + 2;
  }
  PIECE.lastIndex = from;
  return from + (PIECE.exec(text)?.[0].length ?? 1);
}

function quotedEnd(text: string, from: number): number {
  const quote = text.charAt(from);
  for (let i = from + 1; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === quote && text[i + 1] === quote) i += 1;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}

function newlines(text: string): number {
  return text.split('\n').length - 1;
}

function placeOf(term: Term, manifest: Manifest): { place: string; fact: string } {
  const entry = checkState(term, manifest);
  const args = argumentsOf(term);
  const key = keyPositions(entry).map((i) => writeTerm(args[i] as Term));
  return { place: `${entry.name}/${entry.arity}(${key.join(',')})`, fact: writeTerm(term) };
}

function revisionOf(term: Term): number {
  const [value] = argumentsOf(term);
  const revision = timeOf(value);
  if (revision === null) throw new LogicError('bad_fact', 'a revision is a whole number');
  return revision;
}

function evidenceOf(term: Term): Evidence {
  const [, source, from, until] = argumentsOf(term);
  const observedAt = timeOf(from);
  const validUntil = timeOf(until);
  if (source?.kind !== 'atom' || observedAt === null || validUntil === null)
    throw new LogicError('bad_fact', 'evidence is a fact, a source (atom) and two times in milliseconds');
  return { source: source.name, observedAt, validUntil };
}

function timeOf(term: Term | undefined): number | null {
  const value = term?.kind === 'int' ? Number(term.value) : -1;
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
