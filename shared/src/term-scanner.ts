/**
 * Cuts text into the tokens of docs/protocol.md section 1; the grammar over them is term-reader.ts.
 *
 * One token at a time, over character codes, never backwards: this is the first code that meets bytes from outside. With
 * `any` it also takes what swipl's own writer prints in a reply: names that start with `$`, unquoted symbol and
 * Unicode atoms, `\uXXXX`, and strings, which become atoms (only an error's message is one). It notes where the text
 * is not as our own writer would have written it, so that canonical text need not be written again.
 */
import { LogicError } from './errors.ts';
import { NUMBER_DIGITS } from './limits.ts';
import type { Integer, Term } from './term-shape.ts';
import { isPlainName, writeAtom, writeFloat } from './term-writer.ts';

// Character classes of ASCII, looked up by code.
const OTHER = 0,
  LAYOUT = 1,
  LOWER = 2,
  UPPER = 3,
  DIGIT = 4,
  SYMBOL = 5,
  PUNCTUATION = 6,
  QUOTE = 7;
const CLASS = new Uint8Array(128);
for (const code of [9, 10, 13, 32]) CLASS[code] = LAYOUT;
for (let code = 97; code <= 122; code++) CLASS[code] = LOWER;
for (let code = 65; code <= 90; code++) CLASS[code] = UPPER;
CLASS[95] = UPPER;
for (let code = 48; code <= 57; code++) CLASS[code] = DIGIT;
for (const char of '#$&*+-./:<=>?@^~\\') CLASS[char.charCodeAt(0)] = SYMBOL;
for (const char of '()[],|;!{}') CLASS[char.charCodeAt(0)] = PUNCTUATION;
CLASS[39] = QUOTE;
const SINGLE_QUOTE = 39,
  DOUBLE_QUOTE = 34;

const isWordCode = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95;
const isDigitCode = (code: number): boolean => code >= 48 && code <= 57;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['n', '\n'],
  ['t', '\t'],
]);
const REPLY_ESCAPES: ReadonlyMap<string, string> = new Map([
  ...ESCAPES,
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
  ['r', '\r'],
  ['"', '"'],
  ['`', '`'],
]);

/**
 * What begins a word where it is no ASCII: measured over all of Unicode with swipl 9.0.4, whose tables know fewer
 * letters than ours and quote the rest. U+0387 is the one that no property covers.
 */
const WORD_START = /[\p{ID_Start}\p{Pc}\u0387]/u;

/** Kinds of tokens; a punctuation mark's is its character code. */
export const EOF = 0;
export const NAME = 1;
export const QUOTED = 2;
export const VAR = 3;
export const NUMBER = 4;
export const STRING = 5;
export const OPEN = 40;
export const CLOSE = 41;
export const COMMA = 44;
export const OPEN_LIST = 91;
export const CLOSE_LIST = 93;

/** Most integers of a proof are small: the numbers of its steps. */
const SMALL: readonly Integer[] = Array.from({ length: 1000 }, (_, i) => ({ kind: 'int', value: BigInt(i) }));

export class Scanner {
  kind: number = EOF;
  /** A name without its quotes, or a variable. */
  word = '';
  /** The value of a `NUMBER`. */
  number: Term = { kind: 'int', value: 0n };
  /** Where the token begins. */
  start = 0;
  /** Where it ends. */
  at = 0;
  /** Begin of the last thing that is not as the writer writes it; only where that is to be noted. */
  odd = -1;
  private readonly text: string;
  private readonly any: boolean;
  private readonly notes: boolean;
  /** Whether an unquoted symbol name belongs to the language. */
  private readonly isOperator: (name: string) => boolean;

  constructor(text: string, how: { any: boolean; notes: boolean }, isOperator: (name: string) => boolean) {
    this.text = text;
    this.any = how.any;
    this.notes = how.notes;
    this.isOperator = isOperator;
  }

  /** Whether a `(` follows directly: functional notation. */
  get opens(): boolean {
    return this.text.charCodeAt(this.at) === 40;
  }

  /** Whether a digit follows directly, as after the minus of a negative number. */
  get meetsDigit(): boolean {
    return isDigitCode(this.text.charCodeAt(this.at));
  }

  /** The number after a minus sign, which belongs to it. */
  advanceNegative(): void {
    this.start = this.at;
    this.kind = NUMBER;
    this.scanNumber(true);
  }

  /** Goes on to the next token. */
  advance(): void {
    const before = this.at;
    this.skipLayout();
    if (this.at !== before) this.odd = before;
    this.start = this.at;
    if (this.at >= this.text.length) {
      this.kind = EOF;
      return;
    }
    const code = this.text.charCodeAt(this.at);
    switch (code < 128 ? CLASS[code] : OTHER) {
      case LOWER:
        this.kind = NAME;
        this.word = this.scanWord();
        return;
      case UPPER:
        this.odd = this.start;
        this.kind = VAR;
        this.word = this.scanWord();
        return;
      case DIGIT:
        this.kind = NUMBER;
        this.scanNumber(false);
        return;
      case SYMBOL:
        this.scanSymbol();
        return;
      case PUNCTUATION:
        this.scanMark();
        return;
      case QUOTE:
        this.kind = QUOTED;
        this.word = this.scanQuoted(SINGLE_QUOTE);
        if (this.notes && writeAtom(this.word) !== this.text.slice(this.start, this.at))
          this.odd = this.start;
        return;
      default:
        this.odd = this.start;
        if (this.any && code === DOUBLE_QUOTE) {
          this.kind = STRING;
          this.word = this.scanQuoted(DOUBLE_QUOTE);
          return;
        }
        if (!this.any || code < 128) this.fail('a character that the language does not have');
        // As swipl tells them apart: a run of letters, or a run of symbols.
        if (!WORD_START.test(String.fromCodePoint(this.text.codePointAt(this.at) as number))) {
          this.scanSymbol();
          return;
        }
        this.kind = NAME;
        this.word = this.checkedName(this.scanWord());
    }
  }

  private skipLayout(): void {
    for (; this.at < this.text.length; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code === 37) {
        const end = this.text.indexOf('\n', this.at);
        this.at = end < 0 ? this.text.length - 1 : end;
      } else if (code >= 128 || CLASS[code] !== LAYOUT) return;
    }
  }

  private scanWord(): string {
    const { text, any } = this;
    const from = this.at;
    let at = from;
    let code = text.charCodeAt(at);
    let beyond = false;
    while (isWordCode(code) || (any && code > 127)) {
      if (code > 127) beyond = true;
      code = text.charCodeAt(++at);
    }
    this.at = at;
    if (code === 123) this.fail('a dict or block');
    const word = text.slice(from, at);
    if (!beyond) return word;
    this.odd = from;
    return CLASS[text.charCodeAt(from)] === LOWER ? this.checkedName(word) : word;
  }

  private scanSymbol(): void {
    const from = this.at;
    let code = this.text.charCodeAt(this.at);
    while (CLASS[code] === SYMBOL || (this.any && code > 127)) code = this.text.charCodeAt(++this.at);
    this.word = this.checkedName(this.text.slice(from, this.at));
    this.kind = NAME;
    if (!isPlainName(this.word)) this.odd = this.start;
    if (this.word === '.' && this.endsHere()) return;
    if (this.word.startsWith('/*')) this.fail('a block comment');
    if (!this.any && !this.isOperator(this.word)) this.fail(`no operator ${this.word.slice(0, 40)}`);
  }

  /** After a final `.`: only layout and comments may follow. */
  private endsHere(): boolean {
    const code = this.text.charCodeAt(this.at);
    if (!Number.isNaN(code) && CLASS[code] !== LAYOUT && code !== 37) return false;
    this.skipLayout();
    if (this.at < this.text.length) this.fail('text after the end of the term');
    this.kind = EOF;
    return true;
  }

  private scanMark(): void {
    const code = this.text.charCodeAt(this.at++);
    this.kind = code;
    if (code === COMMA || code === OPEN || code === CLOSE || code === OPEN_LIST || code === CLOSE_LIST)
      return;
    const char = String.fromCharCode(code);
    if (char === ';' || (char === '!' && this.any)) this.word = char;
    else if (char === '{' && this.any && this.text.charCodeAt(this.at) === 125) {
      this.at++;
      this.word = '{}';
    } else this.unexpected();
    this.kind = NAME;
    if (!isPlainName(this.word)) this.odd = this.start;
  }

  private scanDigits(): number {
    const from = this.at;
    while (isDigitCode(this.text.charCodeAt(this.at))) this.at++;
    return this.at - from;
  }

  private scanNumber(negative: boolean): void {
    const from = this.at;
    let digits = this.scanDigits();
    let isFloat = false;
    if (this.text.charCodeAt(this.at) === 46 && isDigitCode(this.text.charCodeAt(this.at + 1))) {
      this.at++;
      digits += this.scanDigits();
      isFloat = true;
    }
    if (this.scanExponent(isFloat)) isFloat = true;
    const next = this.text.charCodeAt(this.at);
    if (isWordCode(next) || next === 39 || next > 127) this.fail('a number that the language does not have');
    if (digits > NUMBER_DIGITS)
      throw new LogicError('too_large', `A number has more than ${NUMBER_DIGITS} digits.`);
    if (isFloat) this.number = this.floatOf(this.text.slice(from, this.at), negative);
    else this.number = this.integerOf(from, negative);
  }

  private integerOf(from: number, negative: boolean): Term {
    const digits = this.text.slice(from, this.at);
    if (digits.charCodeAt(0) === 48 && (digits.length > 1 || negative)) this.odd = from;
    const small = digits.length <= 3 && !negative ? SMALL[Number(digits)] : undefined;
    return small ?? { kind: 'int', value: BigInt(negative ? `-${digits}` : digits) };
  }

  private scanExponent(afterPoint: boolean): boolean {
    if (!afterPoint || (this.text.charCodeAt(this.at) | 32) !== 101) return false;
    const sign = this.text.charCodeAt(this.at + 1);
    const signed = sign === 43 || sign === 45 ? 2 : 1;
    if (!isDigitCode(this.text.charCodeAt(this.at + signed))) return false;
    this.at += signed;
    if (this.scanDigits() > 4) this.fail('an exponent of more than four digits');
    return true;
  }

  private floatOf(text: string, negative: boolean): Term {
    const value = negative ? -Number(text) : Number(text);
    const vanished = value === 0 && /^[0.]*[1-9]/.test(text);
    if (vanished || !Number.isFinite(value)) this.fail('a float that the language does not have');
    if (this.notes && writeFloat(value) !== (negative ? `-${text}` : text)) this.odd = this.start;
    return { kind: 'float', value };
  }

  private scanQuoted(quote: number): string {
    const { text } = this;
    let name = '';
    let from = ++this.at;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === quote) {
        name += text.slice(from, this.at++);
        if (text.charCodeAt(this.at) !== quote) return this.checkedName(name);
        from = this.at++;
      } else if (code === 92) {
        name += text.slice(from, this.at) + this.scanEscape();
        from = this.at;
      } else if (code >= 32) this.at++;
      else this.fail(Number.isNaN(code) ? 'a quoted atom without its end' : 'a control character in quotes');
    }
  }

  private scanEscape(): string {
    const letter = this.text.charAt(this.at + 1);
    const plain = (this.any ? REPLY_ESCAPES : ESCAPES).get(letter);
    if (plain !== undefined) {
      this.at += 2;
      return plain;
    }
    // Sticky, so that a match starts at this escape; bounded, so that it looks at no more than it needs.
    const coded = this.any
      ? /\\x([0-9a-fA-F]{1,6})\\|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/y
      : /\\x([0-9a-fA-F]{1,6})\\/y;
    coded.lastIndex = this.at;
    const found = coded.exec(this.text);
    const code = Number.parseInt(found?.[1] ?? found?.[2] ?? found?.[3] ?? '', 16);
    if (found === null || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      this.fail('an escape that the language does not have');
    this.at = coded.lastIndex;
    return String.fromCodePoint(code);
  }

  private checkedName(name: string): string {
    if (!isNormalName(name)) this.fail('an atom that is not in Unicode Normalization Form C');
    if (!this.any && name.startsWith('$')) this.fail('a reserved name');
    return name;
  }

  /** Throws the syntax error that the token at hand is. */
  unexpected(): never {
    this.fail(
      this.start >= this.text.length
        ? 'the end of the text too early'
        : `an unexpected ${this.text.slice(this.start, this.at).slice(0, 40)}`,
    );
  }

  private fail(what: string): never {
    const before = this.text.slice(0, this.start);
    const line = before.split('\n').length;
    throw new LogicError(
      'syntax_error',
      `Line ${line}, column ${this.start - before.lastIndexOf('\n')}: ${what}.`,
    );
  }
}

/** Whether an atom's name is well formed Unicode in Normalization Form C. */
export function isNormalName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0x7f) return name.isWellFormed() && name.normalize('NFC') === name;
  }
  return true;
}
