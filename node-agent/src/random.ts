/**
 * Seeded chance for sample sites: not for secrets. The generator is mulberry32 (Tommy Ettinger, public domain),
 * seeded through FNV-1a over the words that name what is drawn, so that each draw stands on its own.
 */

/** A generator of numbers in [0, 1) from a 32-bit seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One number in [0, 1), always the same for the same words. */
export function chance(seed: number, ...words: readonly (string | number)[]): number {
  return mulberry32(hash([seed, ...words].join('\0')))();
}

function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
  return sum >>> 0;
}
