/**
 * Reads Prometheus's text exposition format (version 0.0.4), line by line, as the format's document describes it:
 * https://prometheus.io/docs/instrumenting/exposition_formats/. One pass, nothing kept: whoever reads takes the
 * samples it knows. A body with one bad line is refused whole, as Prometheus does it: it is not what it
 * claims to be. Our own, since what npm has was last touched years ago and reads values by `Number`.
 */
import { LogicError } from '@fleet/shared/errors.ts';

export interface Sample {
  readonly metric: string;
  readonly labels: ReadonlyMap<string, string>;
  /** May be infinite or NaN: the format has both. */
  readonly value: number;
}

/** Prometheus itself writes lines of a few hundred characters. */
const LINE_CHARACTERS = 64 * 1024;

const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\[\\"n][^"\\]*)*)"[ \t]*(,|(?=\}))/y;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const REST = /^[ \t]+(\S+)(?:[ \t]+([+-]?\d+))?[ \t]*$/;

/** The samples in their order. Throws `source_unreadable` at a line that is none. */
export function* readExposition(text: string): Generator<Sample> {
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end);
    at = end < 0 ? text.length : end + 1;
    number += 1;
    const trimmed = line.replace(/^[ \t]+/, '');
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const sample = line.length > LINE_CHARACTERS ? null : readSample(trimmed);
    if (sample === null) {
      throw new LogicError('source_unreadable', `Line ${number} is no line of Prometheus's text format.`);
    }
    yield sample;
  }
}

function readSample(line: string): Sample | null {
  METRIC.lastIndex = 0;
  const metric = METRIC.exec(line)?.[0];
  if (metric === undefined) return null;
  const open = line.slice(metric.length).search(/[^ \t]/) + metric.length;
  const labels = new Map<string, string>();
  const after = line[open] === '{' ? readLabels(line, open + 1, labels) : metric.length;
  if (after === null) return null;
  // A blank may be missing only behind the brace.
  const rest = REST.exec(line[open] === '{' ? ` ${line.slice(after)}` : line.slice(after));
  const value = readValue(rest?.[1] ?? '');
  return value === null ? null : { metric, labels, value };
}

/** Fills `labels`; the place behind the closing brace, or null. */
function readLabels(line: string, start: number, labels: Map<string, string>): number | null {
  LABEL.lastIndex = start;
  let at = start;
  for (let more = true; more; ) {
    const found = LABEL.exec(line);
    if (found === null) break;
    const [whole, name = '', value = '', comma] = found;
    if (labels.has(name)) return null;
    labels.set(name, unescaped(value));
    at += whole.length;
    more = comma === ',';
  }
  const close = /[ \t]*\}/y;
  close.lastIndex = at;
  return close.test(line) ? close.lastIndex : null;
}

function unescaped(value: string): string {
  return value.replace(/\\([\\"n])/g, (_all, which: string) => (which === 'n' ? '\n' : which));
}

function readValue(text: string): number | null {
  if (DECIMAL.test(text)) return Number(text);
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word === null) return null;
  if (word[2]?.toLowerCase() === 'nan') return Number.NaN;
  return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
