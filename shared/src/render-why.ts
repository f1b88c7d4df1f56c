/**
 * Why a goal does not hold, for a terminal: the explanation of kb/proof/explain.pl as an indented text, from the goal down to
 * the fact or comparison that is missing.
 */
import { formatTerm, type RenderOptions, timeText, withAge } from './render.ts';
import { argumentsOf, isCompound, type Term } from './term.ts';

export function renderWhyNot(why: Term, options: RenderOptions = {}): string {
  return lines(why, options, '').join('\n');
}

function lines(why: Term, options: RenderOptions, indent: string): string[] {
  const [goal, reason] = argumentsOf(why) as [Term, Term];
  if (!isCompound(why, 'why', 2)) return [`${indent}${formatTerm(why)}`];
  const [a, b, c, d] = argumentsOf(reason) as [Term, Term, Term, Term];
  const says = (text: string) => `${indent}${formatTerm(goal)}  ${text}`;
  if (isCompound(reason, 'rule', 4)) {
    const { name, at } = clauseOf(a, options);
    return [
      says(`not by ${name}${at}: ${count(b)} of ${count(c)} premises hold, this one does not:`),
      ...lines(d, options, `${indent}   `),
    ];
  }
  if (isCompound(reason, 'part', 3))
    return [says(`part ${count(a, 1)} of ${count(b)} does not hold:`), ...lines(c, options, `${indent}   `)];
  if (isCompound(reason, 'either', 1) && a.kind === 'list')
    return [says('neither side holds:'), ...a.items.flatMap((one) => lines(one, options, `${indent}   `))];
  return [says(leaf(reason, options))];
}

function leaf(reason: Term, { now }: RenderOptions): string {
  const [a, b, c] = argumentsOf(reason) as [Term, Term, Term];
  if (isCompound(reason, 'stale', 3)) {
    const [seen, until] = [millis(b), millis(c)];
    const past = now === undefined ? timeText(until) : withAge(now - until);
    return `was last seen by ${formatTerm(a)} ${now === undefined ? timeText(seen) : withAge(now - seen)}, and went stale ${past}`;
  }
  if (isCompound(reason, 'instead', 1)) return `the site has ${formatTerm(a)} instead`;
  if (isCompound(reason, 'result', 1)) return `the result is ${formatTerm(a)}`;
  switch (reason.kind === 'atom' ? reason.name : '') {
    case 'no_fact':
      return 'no such fact';
    case 'no_rule':
      return 'no rule concludes this';
    case 'false':
      return 'is false';
    case 'holds':
      return 'what it denies holds';
    case 'deeper':
      return 'ask about this one by itself';
    default:
      return formatTerm(reason);
  }
}

function clauseOf(id: Term, { places }: RenderOptions): { name: string; at: string } {
  const [name, arity, n] = argumentsOf(id) as [Term, Term, Term];
  const text = `${formatTerm(name)}/${formatTerm(arity)}#${formatTerm(n)}`;
  const place = places?.get(text);
  return { name: text, at: place === undefined ? '' : ` (${place})` };
}

const count = (term: Term, more = 0): string =>
  term.kind === 'int' ? String(Number(term.value) + more) : '?';
const millis = (term: Term): number => (term.kind === 'int' ? Number(term.value) : Number.NaN);
