/**
 * Reads text as a term: the closed syntax of docs/protocol.md section 1 and nothing else of Prolog's.
 *
 * A precedence parser over the tokens of term-scanner.ts. It is bounded in bytes, depth, digits and variables, never
 * backtracks, and takes time linear in the text. With `any` it also takes what swipl's own writer prints
 * in a reply; questions never get that.
 */
import { LogicError } from './errors.ts';
import { QUERY_VARIABLES } from './limits.ts';
import {
  CLOSE,
  CLOSE_LIST,
  COMMA,
  EOF,
  NAME,
  NUMBER,
  OPEN,
  OPEN_LIST,
  QUOTED,
  Scanner,
  STRING,
  VAR,
} from './term-scanner.ts';
import type { Term } from './term-shape.ts';

export interface ReadBounds {
  /** Longest text in bytes of UTF-8. */
  readonly bytes: number;
  /** Deepest nesting; a list is one level, however long. */
  readonly depth: number;
  /** Take what swipl prints in a reply; see above. */
  readonly any?: boolean;
  /** Keep the text of each list of structures of this name, where it is canonical. */
  readonly textsOf?: string | undefined;
}

export interface ReadTerm {
  readonly term: Term;
  /** Distinct variables in order of first occurrence. Each `_` is one of its own, named `_1`, `_2`, … */
  readonly variables: string[];
  /** Of lists that `textsOf` asks for: what writeTerm would give for them. */
  readonly texts: ReadonlyMap<Term, string> | null;
}

interface Operator {
  readonly priority: number;
  readonly left: number;
  readonly right: number;
}

const xfx = (priority: number): Operator => ({ priority, left: priority - 1, right: priority - 1 });
const yfx = (priority: number): Operator => ({ priority, left: priority, right: priority - 1 });
const xfy = (priority: number): Operator => ({ priority, left: priority - 1, right: priority });

const INFIX: ReadonlyMap<string, Operator> = new Map([
  [':-', xfx(1200)],
  [';', xfy(1100)],
  [',', xfy(1000)],
  ...['<', '>', '=<', '>=', '=:=', '=\\=', '==', '\\==', 'is'].map((name) => [name, xfx(700)] as const),
  ['+', yfx(500)],
  ['-', yfx(500)],
  ['*', yfx(400)],
  ['/', yfx(400)],
  ['//', yfx(400)],
  ['mod', yfx(400)],
] as const);
const PREFIX: ReadonlyMap<string, number> = new Map([
  ['\\+', 900],
  ['-', 200],
  ['+', 200],
]);

const isOperator = (name: string) => INFIX.has(name) || PREFIX.has(name);

/** Throws `syntax_error` naming line and column, or `too_large` for a text past a bound. */
export function readTerm(text: string, bounds: ReadBounds): ReadTerm {
  if (
    text.length > bounds.bytes ||
    (text.length * 3 > bounds.bytes && Buffer.byteLength(text) > bounds.bytes)
  ) {
    throw new LogicError('too_large', `The text is longer than ${bounds.bytes} bytes.`);
  }
  return new Reader(text, bounds).read();
}

class Reader {
  private readonly tokens: Scanner;
  private readonly text: string;
  private readonly depth: number;
  private readonly textsOf: string | undefined;
  private texts: Map<Term, string> | null = null;
  /** Nesting of the term that was read last. */
  private height = 0;
  /** Priority of the term that was read last. */
  private priority = 0;
  /** Where the sequence that was read last ended, and what was odd until then (Scanner.odd). */
  private end = 0;
  private odd = -1;
  /** Items of the sequences that are open; in one array, so that each of them is made in its size. */
  private readonly items: Term[] = [];
  private top = 0;
  private readonly named = new Map<string, Term>();
  private readonly nameless: { kind: 'var'; name: string }[] = [];
  private readonly order: { readonly kind: 'var'; name: string }[] = [];

  constructor(text: string, bounds: ReadBounds) {
    const { any = false, textsOf, depth } = bounds;
    this.tokens = new Scanner(text, { any, notes: textsOf !== undefined }, isOperator);
    this.text = text;
    this.depth = depth;
    this.textsOf = textsOf;
  }

  read(): ReadTerm {
    this.tokens.advance();
    const term = this.expression(1200, 0, false);
    if (this.tokens.kind !== EOF) this.tokens.unexpected();
    let n = 0;
    for (const one of this.nameless) {
      do n += 1;
      while (this.named.has(`_${n}`));
      one.name = `_${n}`;
    }
    return { term, variables: this.order.map((one) => one.name), texts: this.texts };
  }

  // ---- grammar ----

  private expression(most: number, depth: number, inArguments: boolean): Term {
    if (depth > this.depth) this.tooDeep();
    let left = this.primary(most, depth, inArguments);
    for (;;) {
      const name = this.infixName(inArguments);
      const operator = name === null ? undefined : INFIX.get(name);
      if (name === null || operator === undefined) return left;
      if (operator.priority > most || this.priority > operator.left) return left;
      const height = this.height;
      this.tokens.odd = this.tokens.start;
      this.tokens.advance();
      const right = this.expression(operator.right, depth + 1, inArguments);
      this.grow(Math.max(height, this.height));
      this.priority = operator.priority;
      left = { kind: 'compound', name, args: [left, right] };
    }
  }

  private infixName(inArguments: boolean): string | null {
    if (this.tokens.kind === NAME) return this.tokens.word;
    return !inArguments && this.tokens.kind === COMMA ? ',' : null;
  }

  private primary(most: number, depth: number, inArguments: boolean): Term {
    const word = this.tokens.word;
    const opens = this.tokens.opens;
    this.height = 0;
    this.priority = 0;
    switch (this.tokens.kind) {
      case NUMBER: {
        const number = this.tokens.number;
        this.tokens.advance();
        return number;
      }
      case VAR: {
        const found = this.variable(word);
        this.tokens.advance();
        return found;
      }
      case QUOTED:
        this.tokens.advance();
        return opens ? this.structure(word, depth) : { kind: 'atom', name: word };
      case STRING:
        this.tokens.advance();
        return { kind: 'atom', name: word };
      case NAME:
        if (opens) {
          this.tokens.advance();
          return this.structure(word, depth);
        }
        return this.nameOrPrefix(word, most, depth, inArguments);
      case OPEN:
        return this.parenthesis(depth);
      case OPEN_LIST:
        return this.list(depth);
      default:
        return this.tokens.unexpected();
    }
  }

  private nameOrPrefix(name: string, most: number, depth: number, inArguments: boolean): Term {
    if (name === '-' && this.tokens.meetsDigit) {
      this.tokens.advanceNegative();
      const number = this.tokens.number;
      this.tokens.advance();
      return number;
    }
    const priority = PREFIX.get(name);
    this.tokens.advance();
    if (priority === undefined || !this.startsOperand()) return { kind: 'atom', name };
    this.tokens.odd = this.tokens.start;
    const operand = this.expression(Math.min(priority, most), depth + 1, inArguments);
    this.grow(this.height);
    this.priority = Math.min(priority, most);
    return { kind: 'compound', name, args: [operand] };
  }

  /** Whether the token after a prefix operator begins its operand; otherwise the operator is an atom. */
  private startsOperand(): boolean {
    const { kind } = this.tokens;
    if (kind === EOF || kind === COMMA || kind === CLOSE || kind === CLOSE_LIST) return false;
    return kind !== NAME || PREFIX.has(this.tokens.word) || !INFIX.has(this.tokens.word) || this.tokens.opens;
  }

  private parenthesis(depth: number): Term {
    this.tokens.odd = this.tokens.start;
    this.tokens.advance();
    const inside = this.expression(1200, depth + 1, false);
    this.expect(CLOSE);
    this.priority = 0;
    return inside;
  }

  private structure(name: string, depth: number): Term {
    this.tokens.advance();
    const args = this.sequence(depth, CLOSE);
    return { kind: 'compound', name, args };
  }

  private list(depth: number): Term {
    const from = this.tokens.start;
    this.tokens.advance();
    if (this.tokens.kind === CLOSE_LIST) {
      this.tokens.advance();
      return { kind: 'list', items: [] };
    }
    const list: Term = { kind: 'list', items: this.sequence(depth, CLOSE_LIST) };
    const [first] = list.items;
    if (first?.kind === 'compound' && first.name === this.textsOf && this.odd < from) {
      this.texts ??= new Map();
      this.texts.set(list, this.text.slice(from, this.end));
    }
    return list;
  }

  private sequence(depth: number, close: number): Term[] {
    const { tokens, items } = this;
    const base = this.top;
    let height = 0;
    for (;;) {
      const item = this.expression(1200, depth + 1, true);
      items[this.top++] = item;
      if (this.height > height) height = this.height;
      if (tokens.kind !== COMMA) break;
      tokens.advance();
    }
    this.end = tokens.at;
    this.odd = tokens.odd;
    this.expect(close);
    this.grow(height);
    this.priority = 0;
    const terms = items.slice(base, this.top);
    this.top = base;
    return terms;
  }

  private variable(name: string): Term {
    const known = this.named.get(name);
    if (known !== undefined) return known;
    const fresh = { kind: 'var' as const, name };
    if (name === '_') this.nameless.push(fresh);
    else this.named.set(name, fresh);
    if (this.order.push(fresh) > QUERY_VARIABLES) {
      throw new LogicError('too_large', `There are more than ${QUERY_VARIABLES} variables.`);
    }
    return fresh;
  }

  private grow(height: number): void {
    this.height = height + 1;
    if (this.height > this.depth) this.tooDeep();
  }

  private expect(mark: number): void {
    if (this.tokens.kind !== mark) this.tokens.unexpected();
    this.tokens.advance();
  }

  private tooDeep(): never {
    throw new LogicError('too_large', `The term is nested deeper than ${this.depth}.`);
  }
}
