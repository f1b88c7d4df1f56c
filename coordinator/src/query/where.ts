/**
 * Which sites an expression names: `region=eu, !(tier=edge); name=shop*`.
 *
 *   where ::= all ; all ..      any of them          key ::= a label, or `name`
 *   all   ::= one , one ..      all of them          value ::= letters, digits and _ - . / : @ with * for any run
 *   one   ::= ! one | ( where ) | key = value | key != value | key        of characters, or "quoted text" as it is
 *
 * A site without the label has no value, so `region=eu` is false of it, `region!=eu` and `!region` are true. A parser of
 * its own, and not the query's: labels are the operator's words, not terms, and a shell should need one pair of quotes.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { WHERE_CHARACTERS, WHERE_DEPTH } from '@fleet/shared/limits.ts';

export type Where =
  | { readonly kind: 'any' | 'all'; readonly parts: readonly Where[] }
  | { readonly kind: 'not'; readonly part: Where }
  | { readonly kind: 'has'; readonly key: string }
  | { readonly kind: 'is'; readonly key: string; readonly value: Value };

/** The pieces between the stars: one piece is a plain text. */
export type Value = readonly string[];

/** What an expression can speak of. */
export interface Named {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function matches(where: Where, site: Named): boolean {
  switch (where.kind) {
    case 'any':
      return where.parts.some((part) => matches(part, site));
    case 'all':
      return where.parts.every((part) => matches(part, site));
    case 'not':
      return !matches(where.part, site);
    case 'has':
      return labelOf(where.key, site) !== undefined;
    case 'is': {
      const value = labelOf(where.key, site);
      return value !== undefined && like(value, where.value);
    }
  }
}

function labelOf(key: string, { name, labels }: Named): string | undefined {
  if (key === 'name') return name;
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Each piece at the first place after the one before it: what is left over is never more than it must be. */
function like(text: string, pieces: Value): boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}

/** @throws LogicError `bad_request` that names the place */
export function readWhere(text: string): Where {
  return new Reader(text).read();
}

const TOKEN = /\s*(?:(!=|[=!;,()])|"((?:[^"\\]|\\["\\])*)"|([\p{L}\p{N}_\-./:@*]+))/uy;

interface Token {
  readonly mark?: string;
  readonly quoted?: string;
  readonly word?: string;
  readonly at: number;
}

class Reader {
  private readonly tokens: readonly Token[];
  private readonly text: string;
  private next = 0;

  constructor(text: string) {
    if (text.length > WHERE_CHARACTERS)
      throw new LogicError('bad_request', `where: longer than ${WHERE_CHARACTERS} characters`);
    this.text = text;
    this.tokens = [...tokensOf(text)];
  }

  read(): Where {
    const where = this.any(0);
    if (this.next < this.tokens.length) this.wrong('where: expected , ; or the end');
    return where;
  }

  private any(depth: number): Where {
    if (depth > WHERE_DEPTH) this.wrong(`where: nested deeper than ${WHERE_DEPTH}`);
    return this.chain('any', ';', () => this.chain('all', ',', () => this.one(depth)));
  }

  private chain(kind: 'any' | 'all', mark: string, part: () => Where): Where {
    const parts = [part()];
    while (this.takes(mark)) parts.push(part());
    return parts.length === 1 ? (parts[0] as Where) : { kind, parts };
  }

  private one(depth: number): Where {
    if (depth > WHERE_DEPTH) this.wrong(`where: nested deeper than ${WHERE_DEPTH}`);
    if (this.takes('!')) return { kind: 'not', part: this.one(depth + 1) };
    if (this.takes('(')) {
      const inside = this.any(depth + 1);
      if (!this.takes(')')) this.wrong('where: expected )');
      return inside;
    }
    const key = this.key();
    if (this.takes('=')) return { kind: 'is', key, value: this.value() };
    if (this.takes('!=')) return { kind: 'not', part: { kind: 'is', key, value: this.value() } };
    return { kind: 'has', key };
  }

  private key(): string {
    const { word, quoted } = this.tokens[this.next] ?? {};
    const key = quoted === undefined ? word : unquoted(quoted);
    if (key === undefined || (quoted === undefined && key.includes('*')))
      this.wrong('where: expected a label or name');
    this.next += 1;
    return key;
  }

  private value(): Value {
    const { word, quoted } = this.tokens[this.next] ?? {};
    if (word === undefined && quoted === undefined) this.wrong('where: expected a value');
    this.next += 1;
    return quoted === undefined ? (word ?? '').split('*') : [unquoted(quoted)];
  }

  private takes(mark: string): boolean {
    if (this.tokens[this.next]?.mark !== mark) return false;
    this.next += 1;
    return true;
  }

  private wrong(what: string): never {
    const at = this.tokens[this.next]?.at;
    const where = at === undefined ? 'at the end' : `before "${this.text.slice(at, at + 20)}"`;
    throw new LogicError('bad_request', `${what} ${where}`);
  }
}

const unquoted = (text: string): string => text.replace(/\\(["\\])/g, '$1');

function* tokensOf(text: string): Iterable<Token> {
  const token = new RegExp(TOKEN);
  const end = text.trimEnd().length;
  while (token.lastIndex < end) {
    const from = token.lastIndex;
    const [whole, mark, quoted, word] = token.exec(text) ?? [];
    if (whole === undefined)
      throw new LogicError('bad_request', `where: cannot read "${text.slice(from, from + 20).trim()}"`);
    const at = from + whole.search(/\S/);
    yield {
      at,
      ...(mark !== undefined && { mark }),
      ...(quoted !== undefined && { quoted }),
      ...(word !== undefined && { word }),
    };
  }
}
