/** Ground values as JSON, as scripts read them (docs/protocol.md section 5). */
import type { JsonValue } from './api/ask.ts';
import { LogicError } from './errors.ts';
import { atom, float, int, list, type Term } from './term.ts';

/** Throws `internal` for a variable: answers are ground, so one here is a fault of this program. */
export function toJson(term: Term): JsonValue {
  switch (term.kind) {
    case 'atom':
      return term.name;
    case 'float':
      return term.value;
    case 'int': {
      const number = Number(term.value);
      return Number.isSafeInteger(number) ? number : { integer: term.value.toString() };
    }
    case 'list':
      return term.items.map(toJson);
    case 'compound':
      return { functor: term.name, args: term.args.map(toJson) };
    case 'var':
      throw new LogicError('internal', 'A variable stands where a value should.');
  }
}

/** The value of a variable of this base type (language.ts), back from JSON. Throws `internal` for a value of another. */
export function fromJson(value: JsonValue, base: string): Term {
  const item = /^list\((.*)\)$/.exec(base)?.[1];
  if (item !== undefined && Array.isArray(value))
    return list(value.map((one: JsonValue) => fromJson(one, item)));
  if (base === 'atom' && typeof value === 'string') return atom(value);
  if (base === 'float' && typeof value === 'number') return float(value);
  if (base === 'integer' && typeof value === 'number' && Number.isInteger(value)) return int(value);
  if (base === 'integer' && typeof value === 'object' && 'integer' in value)
    return int(BigInt(value.integer));
  throw new LogicError('internal', `A value that is no ${base} stands where one should.`);
}
