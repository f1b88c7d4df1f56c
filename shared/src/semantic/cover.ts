/**
 * The stage `cover`: everything that the sentence names must occur in the query. A model that forgets the node that was asked about gives a right
 * answer to another question.
 */
import type { Reading } from './tag.ts';

/** Whether every name and number of the sentence stands in what the model said; and "who else" asks for another. */
export function covers(said: string, { entities, quantities, words }: Reading): boolean {
  const there = new Set(said.split(' '));
  const isAll = [...entities.keys(), ...quantities.keys()].every((placeholder) => there.has(placeholder));
  return (
    isAll && (there.has('\\==') || !words.some((word, at) => word === 'else' && WHO.has(words[at - 1] ?? '')))
  );
}

/** "Who else is on that host": without the one that was named. "Nowhere else" asks for none. */
const WHO = new Set(['who', 'what', 'which', 'anyone', 'anybody', 'anything']);
