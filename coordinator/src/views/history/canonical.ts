/**
 * JSON in the one form that is hashed: keys sorted by UTF-16 units, no white space, numbers and strings as
 * JSON.stringify writes them (the rules of RFC 8785). Equal values have equal text, and different values different text.
 */

/** @throws TypeError for what JSON has no word for: it would be lost silently, and the hash with it */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') return `{${members(value as Record<string, unknown>).join(',')}}`;
  throw new TypeError(`JSON has no ${typeof value}`);
}

/** A key without a value is none, as with JSON.stringify. */
function members(value: Record<string, unknown>): string[] {
  return Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
}
