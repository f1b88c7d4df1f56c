/**
 * The closed arithmetic of rules and questions: exact integers of at most 256 bits and finite IEEE doubles
 * that never meet. Twin of kb/proof/arithmetic.pl; a differential test holds both to the same results.
 */
import { LogicError } from './errors.ts';
import { INTEGER_BITS } from './limits.ts';
import { type Float, float, type Integer, int, sameTerm, type Term } from './term.ts';

type Num = Integer | Float;

const INTEGER_BOUND = 1n << BigInt(INTEGER_BITS);

/** Whether the language has this integer: its absolute value is below 2^256. */
export function fitsInteger(value: bigint): boolean {
  return -INTEGER_BOUND < value && value < INTEGER_BOUND;
}

/**
 * The value of a ground expression, an integer or a float.
 * Throws `evaluation_error` for a zero divisor or a result that is not finite, `type_error` for all else.
 */
export function evaluate(expr: Term): Num {
  if (expr.kind === 'int' || expr.kind === 'float') return inRange(expr);
  if (expr.kind !== 'compound') throw new LogicError('type_error', 'A number is needed in arithmetic.');
  const [first, second] = expr.args;
  if (expr.args.length === 1) return unary(expr.name, evaluate(first as Term));
  if (expr.args.length === 2) return binary(expr.name, evaluate(first as Term), evaluate(second as Term));
  return noFunction(expr.name, expr.args.length);
}

function noFunction(name: string, arity: number): never {
  throw new LogicError('type_error', `${name}/${arity} is not an arithmetic function of the language.`);
}

function inRange(number: Num): Num {
  if (number.kind === 'int') {
    if (!fitsInteger(number.value))
      throw new LogicError('type_error', `An integer is longer than ${INTEGER_BITS} bits.`);
    return number;
  }
  if (!Number.isFinite(number.value))
    throw new LogicError('evaluation_error', 'The arithmetic has no finite value.');
  // Negative zero becomes zero; adding zero changes no other float.
  return Object.is(number.value, -0) ? float(0) : number;
}

function unary(name: string, x: Num): Num {
  switch (name) {
    case '-':
      return inRange(x.kind === 'int' ? int(-x.value) : float(-x.value));
    case 'abs':
      return x.kind === 'int' ? int(x.value < 0n ? -x.value : x.value) : float(Math.abs(x.value));
    case 'float':
      return x.kind === 'int' ? inRange(float(Number(x.value))) : x;
    default:
      return noFunction(name, 1);
  }
}

function binary(name: string, x: Num, y: Num): Num {
  if (x.kind === 'int' && y.kind === 'int') return inRange(int(integers(name, x.value, y.value)));
  if (x.kind === 'float' && y.kind === 'float') return inRange(float(floats(name, x.value, y.value)));
  throw new LogicError('type_error', 'An integer meets a float.');
}

function integers(name: string, x: bigint, y: bigint): bigint {
  switch (name) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '//':
      return x / nonZero(y);
    case 'mod':
      // BigInt's remainder has the sign of the dividend; mod has the divisor's.
      return ((x % nonZero(y)) + y) % y;
    case 'min':
      return x < y ? x : y;
    case 'max':
      return x > y ? x : y;
    default:
      return noFunction(name, 2);
  }
}

function floats(name: string, x: number, y: number): number {
  switch (name) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      if (y === 0) throw new LogicError('evaluation_error', 'The arithmetic divides by zero.');
      return x / y;
    case 'min':
      return Math.min(x, y);
    case 'max':
      return Math.max(x, y);
    default:
      return noFunction(name, 2);
  }
}

function nonZero(divisor: bigint): bigint {
  if (divisor === 0n) throw new LogicError('evaluation_error', 'The arithmetic divides by zero.');
  return divisor;
}

export const COMPARISONS: ReadonlySet<string> = new Set(['<', '>', '=<', '>=', '=:=', '=\\=']);
export const IDENTITIES: ReadonlySet<string> = new Set(['==', '\\==']);

/**
 * Decides a ground comparison, identity or `is`. Throws as `evaluate` does, and `type_error` where an
 * integer would be compared with a float.
 */
export function holds(op: string, a: Term, b: Term): boolean {
  if (op === '==') return sameTerm(a, b);
  if (op === '\\==') return !sameTerm(a, b);
  if (op === 'is') return sameTerm(a, evaluate(b));
  const x = evaluate(a);
  const y = evaluate(b);
  if (x.kind !== y.kind) throw new LogicError('type_error', 'An integer meets a float.');
  switch (op) {
    case '<':
      return x.value < y.value;
    case '>':
      return x.value > y.value;
    case '=<':
      return x.value <= y.value;
    case '>=':
      return x.value >= y.value;
    case '=:=':
      return x.value === y.value;
    case '=\\=':
      return x.value !== y.value;
    default:
      return noFunction(op, 2);
  }
}
