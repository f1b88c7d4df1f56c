/** The one canonical text of a term (docs/protocol.md section 1), and of the atoms and floats in it. */
import type { Term } from './term-shape.ts';

const PLAIN_ATOM = /^(?:[a-z][A-Za-z0-9_]*|[;<>+*/-]|\/\/|:-|=<|>=|=:=|=\\=|==|\\==|\\\+)$/;
// Quotes, backslashes, and what is invisible or breaks lines is escaped; all else stands as it is.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const ESCAPED = /['\\\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/g;

function escapeCharacter(char: string): string {
  if (char === "'") return "\\'";
  if (char === '\\') return '\\\\';
  if (char === '\n') return '\\n';
  if (char === '\t') return '\\t';
  return `\\x${char.charCodeAt(0).toString(16)}\\`;
}

/** Whether an atom stands without quotes. */
export function isPlainName(name: string): boolean {
  return PLAIN_ATOM.test(name);
}

/** An atom's name as text, quoted where both readers need it. */
export function writeAtom(name: string): string {
  return isPlainName(name) ? name : `'${name.replace(ESCAPED, escapeCharacter)}'`;
}

/**
 * The shortest text that reads back as the same double, laid out as SWI-Prolog does: an exponent only
 * below 1e-4 and for whole numbers of more than 15 digits.
 */
export function writeFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  // Where neither language writes an exponent, both write the same digits.
  if (size >= 1e-4 && size < 1e15) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [mantissa = '', exponent = ''] = size.toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const point = Number(exponent) + 1;
  const sign = value < 0 ? '-' : '';
  if (point <= -4 || (point > 15 && digits.length <= point)) {
    return `${sign}${digits[0]}.${digits.slice(1) || '0'}e${point > 0 ? '+' : ''}${point - 1}`;
  }
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (digits.length > point) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  return `${sign}${digits.padEnd(point, '0')}.0`;
}

/** Canonical text (docs/protocol.md section 1): quoted, no operators, no spaces. */
export function writeTerm(term: Term): string {
  switch (term.kind) {
    case 'var':
      return term.name;
    case 'atom':
      return writeAtom(term.name);
    case 'int':
      return term.value.toString();
    case 'float':
      return writeFloat(term.value);
    case 'list':
      return `[${writeTerms(term.items)}]`;
    case 'compound':
      return `${writeAtom(term.name)}(${writeTerms(term.args)})`;
  }
}

function writeTerms(terms: readonly Term[]): string {
  let text = '';
  for (let i = 0; i < terms.length; i++) text += (i === 0 ? '' : ',') + writeTerm(terms[i] as Term);
  return text;
}
