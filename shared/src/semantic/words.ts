/**
 * A sentence as words: what both the generator of training data and a site do to a text before anything else, so that the model sees in
 * operation what it saw in training. Lower case, contractions written out, punctuation gone. Nothing that means something in a
 * prompt survives: `@`, `#`, `~`, `!`, `<` and brackets are separators, so a person cannot type a placeholder.
 */

/** A piece of the sentence between spaces and punctuation, with its place in the text. */
export interface Piece {
  /** Lower case, NFKC. May hold inner `-`, `_`, `/`, `.`: names do. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const PIECE = /[\p{L}\p{N}/%°]+(?:[-_./'’:][\p{L}\p{N}/]+)*%?/gu;

/** Marks that make comparisons, as words. */
const MARKS: readonly (readonly [RegExp, string])[] = [
  [/>=|≥/g, ' at least '],
  [/<=|=<|≤/g, ' at most '],
  [/>/g, ' more than '],
  [/</g, ' less than '],
  [/&/g, ' and '],
  // The hardware classes that are called by a number.
  [/(?<![\p{L}\p{N}_-])(?:raspberry[ -]?)?(?:r?pi|raspi)[ -]?([45])(?:b|s)?(?![\p{L}\p{N}_-])/gu, ' rpi$1 '],
];

const SHORT: Readonly<Record<string, string>> = {
  "can't": 'can not',
  cant: 'can not',
  cannot: 'can not',
  "won't": 'will not',
  wont: 'will not',
  "let's": 'let us',
  whats: 'what is',
  whos: 'who is',
  wheres: 'where is',
  hows: 'how is',
  whens: 'when is',
  theres: 'there is',
  thats: 'that is',
  isnt: 'is not',
  arent: 'are not',
  dont: 'do not',
  doesnt: 'does not',
  didnt: 'did not',
  hasnt: 'has not',
  havent: 'have not',
  wasnt: 'was not',
  werent: 'were not',
  couldnt: 'could not',
  shouldnt: 'should not',
  wouldnt: 'would not',
  im: 'i am',
  ive: 'i have',
  gonna: 'going to',
  gotta: 'have to',
  wanna: 'want to',
  wat: 'what',
  wich: 'which',
  u: 'you',
  ur: 'your',
  r: 'are',
  pls: 'please',
  plz: 'please',
  thx: 'thanks',
};

const ENDINGS: readonly (readonly [RegExp, string])[] = [
  [/n't$/, ' not'],
  [/'re$/, ' are'],
  [/'ve$/, ' have'],
  [/'ll$/, ' will'],
  [/'m$/, ' am'],
  [/'d$/, ' would'],
];

/** After these, `'s` is `is`; after anything else it is a possessive and goes. */
const BEFORE_IS = new Set([
  'what',
  'who',
  'where',
  'how',
  'when',
  'there',
  'that',
  'it',
  'he',
  'she',
  'which',
  'why',
  'here',
]);

export function pieces(sentence: string): Piece[] {
  let text = sentence.normalize('NFKC').toLowerCase();
  for (const [mark, words] of MARKS) text = text.replace(mark, words);
  return [...text.matchAll(PIECE)].map(({ 0: piece, index }) => ({
    text: piece.replace(/’/g, "'"),
    start: index,
    end: index + piece.length,
  }));
}

/** The words of a piece that is neither a name nor a number. */
export function wordsOf(piece: string): string[] {
  const short = SHORT[piece];
  if (short !== undefined) return short.split(' ');
  const possessive = /^(.*)'s$/.exec(piece);
  if (possessive !== null) {
    const head = possessive[1] ?? '';
    return BEFORE_IS.has(head) ? [head, 'is'] : wordsOf(head);
  }
  for (const [ending, words] of ENDINGS) {
    if (ending.test(piece)) return piece.replace(ending, words).split(' ');
  }
  return piece.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}

/** "Of the nas" is "of nas": an article before a name says nothing, and names are told with it or without. */
export function withoutArticles(words: readonly string[]): string[] {
  return words.filter((word, at) => !(word === 'the' && /^@[^q]/.test(words[at + 1] ?? '')));
}
