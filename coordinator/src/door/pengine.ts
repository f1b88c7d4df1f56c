/**
 * One pengine of a coordinator: the rows that a question over the fleet gave, and how far they have been handed on. It has no
 * thread and no engine behind it: a question is answered whole, at one time at each site, and `next` walks the list, as at a site.
 */
import type { ReplyFormat } from '@fleet/shared/door/request.ts';
import { writeAtom, writeFloat } from '@fleet/shared/term.ts';
import type { Table } from './table.ts';

export interface Walk {
  readonly table: Table;
  /** Rows handed on so far. */
  at: number;
  chunk: number;
}

/** The next page, as an event of the pengine `id`; `last` where nothing is left. `seconds` is what the question took. */
export function nextPage(
  format: ReplyFormat,
  id: string,
  walk: Walk,
  seconds: number,
): { text: string; last: boolean } {
  const { table, at, chunk } = walk;
  const rows = table.rows.slice(at, at + chunk);
  walk.at = at + rows.length;
  const more = walk.at < table.rows.length;
  if (rows.length === 0) return { text: failureEvent(format, id, seconds), last: true };
  const { names } = table;
  if (format === 'json') {
    const head = { event: 'success', id, projection: names, time: seconds, more };
    const data = rows.map((row) => row.json()).join(',');
    return { text: `${JSON.stringify(head).slice(0, -1)},"data":[${data}]}`, last: !more };
  }
  const data = rows.map((row) => row.text()).join(',');
  const columns = names.map(writeAtom).join(',');
  const text = `success(${writeAtom(id)},[${data}],[${columns}],${writeFloat(seconds)},${more})`;
  return { text, last: !more };
}

function failureEvent(format: ReplyFormat, id: string, seconds: number): string {
  if (format === 'json') return JSON.stringify({ event: 'failure', id, time: seconds });
  return `failure(${writeAtom(id)},${writeFloat(seconds)})`;
}

/** `inner` as the last word of the pengine. */
export function destroying(format: ReplyFormat, id: string, inner: string): string {
  return format === 'json'
    ? `{"event":"destroy","id":${JSON.stringify(id)},"data":${inner}}`
    : `destroy(${writeAtom(id)},${inner})`;
}

/** A new pengine, with its first answer where there is one. */
export function creating(format: ReplyFormat, id: string, most: number, answer: string | null): string {
  if (format === 'json')
    return `{"event":"create","id":${JSON.stringify(id)},"slave_limit":${most}${answer === null ? '' : `,"answer":${answer}`}}`;
  return `create(${writeAtom(id)},[slave_limit(${most})${answer === null ? '' : `,answer(${answer})`}])`;
}

/** An event that carries nothing but its pengine. */
export function plain(format: ReplyFormat, event: 'stop' | 'abort', id: string): string {
  return format === 'json' ? JSON.stringify({ event, id }) : `${event}(${writeAtom(id)})`;
}
