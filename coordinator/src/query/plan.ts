/**
 * First stage: what every site is asked, and what is left to be computed here. One goal is asked at each target
 * as it stands; where it is one aggregate or one `top/3`, its results are folded over the fleet; `at/2` makes it a
 * join (plan-join.ts). Nothing is sent while it is planned, so `explain` shows the very plan that an ask runs.
 */
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { type CheckedAsk, outsideVariables } from '@fleet/shared/language.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '@fleet/shared/limits.ts';
import { formatTerm } from '@fleet/shared/render.ts';
import {
  compound,
  conjuncts,
  indicator,
  isCompound,
  readTerm,
  type Term,
  variable,
  writeTerm,
} from '@fleet/shared/term.ts';
import type { Site } from '../sites/registry.ts';
import { type Admitted, admit, readmit } from './admit.ts';
import { type Known, type Part, partOf } from './part.ts';
import { type JoinPlan, planJoin, speaksOfSites } from './plan-join.ts';
import { select } from './select.ts';

export type GroupBy = NonNullable<FleetAskInput['groupBy']>;

/** The results of one aggregate at many sites become one. */
export interface Fold {
  readonly op: 'count' | 'sum' | 'min' | 'max' | 'set' | 'list';
  /** The answer variable, and the base type of what is folded: of a list, that of its items. */
  readonly variable: string;
  readonly base: string;
  /** The goal itself says that what is added is not negative: then the sum over some sites is a bound. */
  readonly nonNegative: boolean;
  readonly groupBy: GroupBy;
}

/** `top/3` over the fleet: the rows of which fewer than `most` have a larger value. */
export interface Top {
  readonly most: number;
  readonly variable: string;
  readonly base: string;
  readonly groupBy: GroupBy;
}

export interface Order {
  readonly by: readonly { readonly variable: string; readonly descending: boolean; readonly base: string }[];
  readonly limit: number | null;
}

export interface Plan {
  /** The caller's own text. */
  readonly query: string;
  readonly kind: FleetResult['kind'];
  readonly variables: readonly string[];
  /** One, or those of a join. */
  readonly parts: readonly Part[];
  /** Everyone that any part is meant for. */
  readonly targets: readonly Site[];
  readonly fold: Fold | null;
  readonly top: Top | null;
  readonly join: JoinPlan | null;
  readonly order: Order;
  /** The share of the targets that must have answered. */
  readonly share: number;
  readonly maxAgeMs: number | null;
  /** For people: what the sites compute, and what is computed here and why. */
  readonly pushed: readonly string[];
  readonly here: readonly string[];
}

/** @throws LogicError for whatever is wrong with the question or its targets */
export function planQuestion(input: FleetAskInput, known: Known): Plan {
  const { mode = 'partial', maxAgeMs = null } = input;
  if (maxAgeMs !== null && input.prove === false)
    throw new LogicError('bad_request', 'the age of an answer is read from its proof: ask with proofs');
  const share = mode === 'partial' ? 0 : mode === 'strict' ? 1 : mode.share;
  const common = { query: input.query, share, maxAgeMs };
  const { term } = readTerm(input.query, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH });
  if (!known.manifest.entries.has('at/2') && speaksOfSites(term))
    return { ...common, ...planOfJoin(term, input, known) };
  return { ...common, ...planOfGoal(input, known) };
}

type Shape = Omit<Plan, 'query' | 'share' | 'maxAgeMs'>;

function planOfJoin(term: Term, input: FleetAskInput, known: Known): Shape {
  if (input.groupBy !== undefined) noGroups();
  const { parts, ...join } = planJoin(term, input, known);
  const targets = new Map(parts.flatMap((part) => part.targets.all.map((site) => [site.name, site])));
  const order = orderOf(input, join.variables, join.types);
  return {
    kind: 'join',
    variables: join.variables,
    parts,
    targets: [...targets.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    fold: null,
    top: null,
    join,
    order,
    pushed: join.pushed,
    here: [
      ...(parts.length > 1 ? ['rows of the goals are joined by hash'] : []),
      ...join.checks.map((check) => formatTerm(check)),
      ...orderHere(order),
    ],
  };
}

function planOfGoal(input: FleetAskInput, { manifest, registry }: Known): Shape {
  const admitted = admit(input, manifest);
  const targets = select(registry, input);
  const { asked } = admitted;
  const order = orderOf(input, asked.variables, asked.types);
  const fold = foldOf(asked, input.groupBy ?? 'fleet');
  const top = fold === null ? topOf(asked, input.groupBy ?? 'fleet') : null;
  if (fold === null && top === null && input.groupBy !== undefined) noGroups();
  const kind = fold !== null ? 'fold' : top !== null ? 'top' : 'rows';
  const rest = {
    kind,
    variables: asked.variables,
    targets: targets.all,
    fold,
    top,
    join: null,
    order,
  } as const;
  const whole = partOf(admitted, targets);
  if (fold !== null || top !== null) {
    const here = fold !== null ? foldHere(fold) : topHere(top as Top);
    return {
      ...rest,
      parts: [whole],
      pushed: [formatTerm(surfaceOf(asked))],
      here: [here, ...orderHere(order)],
    };
  }
  const limited = pushLimit(admitted, order, manifest);
  if ('why' in limited)
    return { ...rest, parts: [whole], pushed: [], here: [...orderHere(order), ...limited.why] };
  return {
    ...rest,
    parts: [partOf(limited, targets)],
    pushed: [`the first ${order.limit} of each site, ties included`],
    here: orderHere(order),
  };
}

function noGroups(): never {
  throw new LogicError(
    'bad_request',
    'only one aggregate, or one top/3, can be grouped: aggregate_all(count, .., N)',
  );
}

// ---- aggregates ----

function surfaceOf({ text }: CheckedAsk): Term {
  return readTerm(text, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term;
}

/** The fold of a question that is one aggregate and answers with its result; null for any other. */
function foldOf(asked: CheckedAsk, groupBy: GroupBy): Fold | null {
  const { goal, variables, types } = asked;
  if (!isCompound(surfaceOf(asked), 'aggregate_all', 3) || !isCompound(goal, 'all', 4)) return null;
  const [op, over, inner, result] = goal.args as [Term, Term, Term, Term];
  if (result.kind !== 'var' || variables.length !== 1) return null;
  const name = (op.kind === 'compound' || op.kind === 'atom' ? op.name : '') as Fold['op'];
  const base = types.get(result.name) ?? 'integer';
  return {
    op: name,
    variable: result.name,
    base: /^list\((.*)\)$/.exec(base)?.[1] ?? base,
    nonNegative: over.kind === 'var' && conjuncts(inner).some((one) => keepsFromNegative(one, over.name)),
    groupBy,
  };
}

/** `V >= 0`, `V > 5`, `0 =< V`: that alone is known of every solution at every site, asked or not. */
function keepsFromNegative(goal: Term, name: string): boolean {
  if (goal.kind !== 'compound' || goal.args.length !== 2) return false;
  const [a, b] = goal.args as [Term, Term];
  const [low, high] =
    goal.name === '>=' || goal.name === '>' ? [b, a] : goal.name === '=<' || goal.name === '<' ? [a, b] : [];
  return (
    high?.kind === 'var' &&
    high.name === name &&
    (low?.kind === 'int' || low?.kind === 'float') &&
    low.value >= 0
  );
}

function topOf(asked: CheckedAsk, groupBy: GroupBy): Top | null {
  const surface = surfaceOf(asked);
  if (!isCompound(surface, 'top', 3)) return null;
  const [most, over] = surface.args as [Term, Term, Term];
  if (most.kind !== 'int' || over.kind !== 'var' || !asked.variables.includes(over.name)) return null;
  const base = asked.types.get(over.name) ?? 'integer';
  return { most: Number(most.value), variable: over.name, base, groupBy };
}

const FOLD_TEXT = {
  count: 'added',
  sum: 'added, in the order of the site names',
  min: 'the smallest is taken',
  max: 'the largest is taken',
  set: 'united, in canonical order',
  list: 'put together, in the order of the site names',
} as const;

const overText = (groupBy: GroupBy): string =>
  groupBy === 'fleet'
    ? 'over the fleet'
    : groupBy === 'site'
      ? 'for each site'
      : `for each value of ${groupBy.label}`;

const foldHere = ({ op, groupBy }: Fold): string => `results are ${FOLD_TEXT[op]}, ${overText(groupBy)}`;
const topHere = ({ most, variable: name, groupBy }: Top): string =>
  `the ${most} largest ${name} are kept, ${overText(groupBy)}`;

// ---- order and limit ----

function orderOf(
  { orderBy = [], limit }: Pick<FleetAskInput, 'orderBy' | 'limit'>,
  variables: readonly string[],
  types: ReadonlyMap<string, string>,
): Order {
  const by = orderBy.map(({ variable: name, descending = false }) => {
    if (!variables.includes(name))
      throw new LogicError('bad_request', `orderBy: ${name} is no answer variable (${variables.join(', ')})`);
    return { variable: name, descending, base: types.get(name) ?? 'atom' };
  });
  return { by, limit: limit ?? null };
}

function orderHere({ by, limit }: Order): string[] {
  const keys = by.map(({ variable: name, descending }) => (descending ? `${name} descending` : name));
  return [
    ...(keys.length > 0 ? [`ordered by ${keys.join(', ')}, then by site`] : []),
    ...(limit !== null ? [`the first ${limit} are kept`] : []),
  ];
}

/**
 * The question for the first rows only, ties included, or why it is asked whole. A rule that `top/3` ranks is derived
 * once more for each solution, which may cost a site more than all of its rows: only facts are ranked there.
 */
function pushLimit(
  admitted: Admitted,
  { by, limit }: Order,
  manifest: Manifest,
): Admitted | { readonly why: readonly string[] } {
  if (limit === null) return { why: [] };
  const [key, ...more] = by;
  const { asked } = admitted;
  if (key === undefined)
    return { why: ['the limit is not pushed down: without an order the language has no first rows'] };
  if (more.length > 0 || (key.base !== 'integer' && key.base !== 'float'))
    return { why: ['the limit is not pushed down: top/3 ranks by one number'] };
  const goal = surfaceOf(asked);
  if (!conjuncts(goal).every((one) => isCheap(one, manifest)))
    return { why: ['the limit is not pushed down: what it ranks is more than facts'] };
  const hidden = outsideVariables(goal).filter((name) => !asked.variables.includes(name));
  if (hidden.length > 0)
    return {
      why: [`the limit is not pushed down: ${hidden[0]} is no answer variable, and top/3 would rank it too`],
    };
  const ranked = key.descending ? { over: key.variable, goal } : negated(goal, key.variable, asked.text);
  const text = writeTerm(
    compound('top', [{ kind: 'int', value: BigInt(limit) }, variable(ranked.over), ranked.goal]),
  );
  return readmit(admitted, manifest, { text, variables: asked.variables });
}

/** The smallest are those whose negative is largest. */
function negated(goal: Term, name: string, text: string): { over: string; goal: Term } {
  let over = 'Rank__';
  while (text.includes(over)) over += '_';
  const rank = compound('is', [variable(over), compound('-', [variable(name)])]);
  return { over, goal: compound(',', [goal, rank]) };
}

const TESTS: ReadonlySet<string> = new Set(['<', '>', '=<', '>=', '=:=', '=\\=', '==', '\\==', 'is']);

function isCheap(goal: Term, manifest: Manifest): boolean {
  if (goal.kind === 'compound' && goal.args.length === 2 && TESTS.has(goal.name)) return true;
  const kind = manifest.entries.get(indicator(goal) ?? '')?.kind;
  return kind === 'state' || kind === 'inventory';
}
