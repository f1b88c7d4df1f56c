/**
 * What a person reads in a terminal: a proof as a tree, answers by site, coverage as a table. Terms are shown in
 * operator notation; nothing here is read back by a program.
 */
import type { Answer, AskResult, Coverage, JsonValue, SiteOutcome } from './api/ask.ts';
import { OUTCOMES } from './api/ask.ts';
import { REPLY_BYTES, REPLY_TERM_DEPTH } from './limits.ts';
import { argumentsOf, isCompound, readTerm, type Term, writeAtom, writeFloat, writeTerm } from './term.ts';

export interface RenderOptions {
  /** Ages of evidence are told from here, in milliseconds since 1970 UTC; left out, from the proof's own clock, else as dates. */
  readonly now?: number;
  /** File and line of each clause by its id (`node_status/2#1`), where a reader shall be shown them. */
  readonly places?: ReadonlyMap<string, string>;
}

// ---- terms ----

interface Notation {
  readonly priority: number;
  readonly left: number;
  readonly right: number;
}

const infix = (priority: number, left = priority - 1, right = priority - 1): Notation => ({
  priority,
  left,
  right,
});
const INFIX: ReadonlyMap<string, Notation> = new Map([
  [';', infix(1100, 1099, 1100)],
  [',', infix(1000, 999, 1000)],
  ...['<', '>', '=<', '>=', '=:=', '=\\=', '==', '\\==', 'is'].map((name) => [name, infix(700)] as const),
  ['+', infix(500, 500)],
  ['-', infix(500, 500)],
  ['*', infix(400, 400)],
  ['/', infix(400, 400)],
  ['//', infix(400, 400)],
  ['mod', infix(400, 400)],
] as const);

/** A term in operator notation with spaces: `node_load(pve1, 0.62)`, `0.62 > 0.5`. */
export function formatTerm(term: Term, most = 1200): string {
  if (term.kind === 'list') return `[${term.items.map((item) => formatTerm(item, 999)).join(', ')}]`;
  if (term.kind !== 'compound') return term.kind === 'float' ? writeFloat(term.value) : writeTerm(term);
  const [a, b] = term.args as [Term, Term];
  if (isCompound(term, '$any', 1)) return a.kind === 'int' ? `_${a.value}` : '_';
  if (isCompound(term, 'all', 4)) return formatAggregate(term.args);
  const notation = term.args.length === 2 ? INFIX.get(term.name) : undefined;
  if (notation !== undefined) {
    const name = term.name === ',' ? ', ' : ` ${term.name} `;
    return parenthesized(
      formatTerm(a, notation.left) + name + formatTerm(b, notation.right),
      notation.priority > most,
    );
  }
  if (isCompound(term, '\\+', 1)) return parenthesized(`not ${formatTerm(a, 900)}`, most < 900);
  if (isCompound(term, '-', 1)) return parenthesized(`- ${formatTerm(a, 200)}`, most < 200);
  return `${writeAtom(term.name)}(${term.args.map((arg) => formatTerm(arg, 999)).join(', ')})`;
}

const parenthesized = (text: string, needed: boolean): string => (needed ? `(${text})` : text);

function formatAggregate(args: readonly Term[]): string {
  const [op, over, goal, result] = args as [Term, Term, Term, Term];
  const name = op.kind === 'compound' ? op.name : formatTerm(op);
  const spec = name === 'count' ? 'count' : `${name}(${formatTerm(over, 999)})`;
  return `${spec} of (${formatTerm(goal)}) = ${formatTerm(result, 999)}`;
}

// ---- proofs ----

/**
 * A proof (term or canonical text) as a tree, from the query down to facts with their source and age. A lemma that
 * several steps cite is drawn once and named by its number after that.
 */
export function renderProof(proof: Term | string, options: RenderOptions = {}): string {
  const term =
    typeof proof === 'string'
      ? readTerm(proof, { bytes: REPLY_BYTES, depth: REPLY_TERM_DEPTH, any: true }).term
      : proof;
  const steps = term.kind === 'list' ? term.items.map((item) => argumentsOf(item)[1] ?? item) : [];
  const clock = steps.map(clockOf).find((now) => now !== null);
  const tree = new ProofTree(steps, options.now ?? clock ?? null, options.places);
  return tree.draw();
}

function clockOf(step: Term): number | null {
  const [fact, evidence] = isCompound(step, 'fact', 2) ? step.args : [];
  const [now] = fact !== undefined && isCompound(fact, 'now', 1) ? fact.args : [];
  return evidence?.kind === 'atom' && evidence.name === 'clock' && now?.kind === 'int'
    ? Number(now.value)
    : null;
}

class ProofTree {
  private readonly steps: readonly Term[];
  private readonly now: number | null;
  private readonly drawn = new Set<number>();
  private readonly lines: string[] = [];
  private readonly places: ReadonlyMap<string, string> | undefined;

  constructor(steps: readonly Term[], now: number | null, places?: ReadonlyMap<string, string>) {
    this.places = places;
    this.steps = steps;
    this.now = now;
  }

  draw(): string {
    const root = this.steps[this.steps.length - 1];
    if (root === undefined) return '';
    const premises = premisesOf(root);
    for (const [i, n] of premises.entries()) this.branch(n, '', i === premises.length - 1);
    return this.lines.join('\n');
  }

  private branch(number: number, indent: string, last: boolean): void {
    const step = this.steps[number - 1];
    if (step === undefined) return;
    const premises = premisesOf(step);
    const again = this.drawn.has(number) && premises.length > 0;
    this.drawn.add(number);
    this.lines.push(
      `${indent}${last ? '└─ ' : '├─ '}${this.label(step)}${again ? `  (shown above, step ${number})` : ''}`,
    );
    if (again) return;
    const below = `${indent}${last ? '   ' : '│  '}`;
    for (const [i, n] of premises.entries()) this.branch(n, below, i === premises.length - 1);
  }

  private label(step: Term): string {
    const [a, b, c, d, e] = argumentsOf(step) as [Term, Term, Term, Term, Term];
    if (isCompound(step, 'fact', 2)) return `${formatTerm(a)}  ${this.evidence(b)}`;
    if (isCompound(step, 'rule', 3)) {
      const id = clauseText(a);
      const place = this.places?.get(id);
      return `${formatTerm(b)}  by ${id}${place === undefined ? '' : ` (${place})`}`;
    }
    if (isCompound(step, 'assumed', 1)) return `${formatTerm(a)}  [assumed]`;
    if (isCompound(step, 'eval', 1)) return formatTerm(a);
    if (isCompound(step, 'absent', 1)) return `not: ${formatTerm(a)}  (the site's word)`;
    if (isCompound(step, 'all', 6)) {
      const found = d.kind === 'list' ? d.items.length : 0;
      return `${formatAggregate([a, b, c, e])}  (over ${found} found; that there are no more is the site's word)`;
    }
    return formatTerm(step);
  }

  private evidence(evidence: Term): string {
    if (!isCompound(evidence, 'evidence', 3)) return `[${formatTerm(evidence)}]`;
    const [source, observed] = evidence.args as [Term, Term];
    const at = observed.kind === 'int' ? Number(observed.value) : Number.NaN;
    return `[${formatTerm(source)}, ${this.now === null ? timeText(at) : withAge(this.now - at)}]`;
  }
}

/** The steps that a step cites: its last argument, for those that have premises. */
function premisesOf(step: Term): number[] {
  const cites = isCompound(step, 'rule', 3) || isCompound(step, 'all', 6) || isCompound(step, 'query', 1);
  const numbers = cites ? argumentsOf(step).at(-1) : undefined;
  return numbers?.kind === 'list'
    ? numbers.items.flatMap((n) => (n.kind === 'int' ? [Number(n.value)] : []))
    : [];
}

function clauseText(id: Term): string {
  const [name, arity, n] = isCompound(id, 'clause', 3) ? id.args : [];
  if (name?.kind !== 'atom' || arity === undefined || n === undefined) return formatTerm(id);
  return `${name.name}/${formatTerm(arity)}#${formatTerm(n)}`;
}

export function timeText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'at an unknown time' : `at ${date.toISOString()}`;
}

export function withAge(ms: number): string {
  if (!Number.isFinite(ms)) return 'at an unknown time';
  if (Math.abs(ms) < 1000) return 'just now';
  const seconds = Math.abs(ms) / 1000;
  const span =
    seconds < 10
      ? `${seconds.toFixed(1)} s`
      : seconds < 172_800
        ? `${Math.round(seconds)} s`
        : `${Math.round(seconds / 86_400)} days`;
  return ms < 0 ? `${span} ahead` : `${span} ago`;
}

// ---- results ----

/** A value as the language writes it. */
export function valueText(value: JsonValue): string {
  if (typeof value === 'string') return writeAtom(value);
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  const mark = value as Exclude<JsonValue, string | number | readonly JsonValue[]>;
  return 'integer' in mark
    ? mark.integer
    : `${writeAtom(mark.functor)}(${mark.args.map(valueText).join(', ')})`;
}

/** The whole of an answer for a terminal: answers by site, each with its standing and proof, then the coverage. */
export function renderResult(result: AskResult, options: RenderOptions = {}): string {
  const answers = renderAnswers(result.answers, result.variables, options);
  return `${[answers || 'No answers.', renderCoverage(result.coverage)].join('\n\n')}\n`;
}

/** Answers site by site, each with its standing and proof. */
export function renderAnswers(
  answers: readonly Answer[],
  variables: readonly string[],
  options: RenderOptions,
): string {
  const bySite = Map.groupBy(answers, ({ site }) => site);
  return [...bySite].map(([site, own]) => renderSite(site, own, variables, options)).join('\n\n');
}

/** `N = pve1, L = 0.5`; `true` where a question has no variables. */
export function bindingsText(
  bindings: Answer['bindings'],
  variables: readonly string[] = Object.keys(bindings),
): string {
  const columns = variables.map((name) => `${name} = ${valueText(bindings[name] ?? '')}`);
  return columns.length === 0 ? 'true' : columns.join(', ');
}

function renderSite(
  site: string,
  answers: readonly Answer[],
  variables: readonly string[],
  options: RenderOptions,
): string {
  const lines = [site];
  for (const { bindings, standing, proof } of answers) {
    lines.push(`  ${bindingsText(bindings, variables)}  [${standing}]`);
    if (proof !== null)
      lines.push(
        ...renderProof(proof, options)
          .split('\n')
          .map((line) => `    ${line}`),
      );
  }
  return lines.join('\n');
}

/** Every target with its outcome and the reason. */
export function renderCoverage(coverage: Coverage): string {
  const counts = OUTCOMES.filter((outcome) => coverage[outcome] > 0).map(
    (outcome) => `${coverage[outcome]} ${outcome}`,
  );
  const head = `Coverage: ${coverage.targets} ${coverage.targets === 1 ? 'site' : 'sites'}, ${counts.join(', ') || 'none asked'} (${coverage.complete ? 'complete' : 'partial'})`;
  return [
    head,
    ...table([
      ['SITE', 'OUTCOME', 'CODE', 'ANSWERS', 'MS', 'REVISION', 'MESSAGE'],
      ...coverage.sites.map(coverageRow),
    ]),
  ].join('\n');
}

function coverageRow({ site, outcome, code, message, ms, revision, answers }: SiteOutcome): string[] {
  return [
    site,
    outcome,
    code ?? '-',
    String(answers),
    ms.toFixed(0),
    revision === null ? '-' : String(revision),
    message ?? '',
  ];
}

/** Rows in aligned columns, each line indented. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}
