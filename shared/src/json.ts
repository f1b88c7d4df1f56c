/** Ground values as JSON, as scripts read them (docs/protocol.md section 5). */
import type { JsonValue } from './api/ask.ts';
import { LogicError } from './errors.ts';
import type { Term } from './term.ts';

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
