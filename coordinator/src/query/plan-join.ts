/**
 * Goals at several sites that share a variable:
 *
 *   at(S1, vm_host(V, N)), at(S2, vm_host(V, M)), S1 \== S2, \+ at(_, vm_state(V, stopped))
 *
 * `at/2` is the coordinator's own and never reaches a site: each goal is one question to each of its targets, and what
 * is shared is joined here. The whole is typed as one conjunction, so that a shared variable has one type; a
 * comparison whose variables one goal has is asked with that goal. What would be every row beside every row is refused.
 */
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import { COMPARISONS, IDENTITIES } from '@fleet/shared/arithmetic.ts';
import type { CatalogueEntry, Manifest } from '@fleet/shared/catalogue.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { checkGoal, outsideVariables, refuseNamedLocals } from '@fleet/shared/language.ts';
import { JOIN_PARTS } from '@fleet/shared/limits.ts';
import { formatTerm } from '@fleet/shared/render.ts';
import { compound, conjuncts, isCompound, type Term, variablesOf, writeTerm } from '@fleet/shared/term.ts';
import { admit, readmit } from './admit.ts';
import { type Known, type Part, partOf } from './part.ts';
import { select } from './select.ts';

export interface JoinPlan {
  readonly variables: readonly string[];
  readonly types: ReadonlyMap<string, string>;
  /** In the order of the plan's parts: as they are joined, the negated ones last. */
  readonly goals: readonly JoinGoal[];
  /** In normal form, computed here: comparisons over several goals or over sites, and `is`. */
  readonly checks: readonly Term[];
  /** For people: what is asked with a goal. */
  readonly pushed: readonly string[];
}

export interface JoinGoal {
  readonly at: { readonly site: string } | { readonly variable: string };
  readonly negated: boolean;
  /** Those of its columns, and its site variable, that have a value before it: rows meet where these agree. */
  readonly key: readonly string[];
}

/** Whether `at/2` occurs anywhere in it. */
export function speaksOfSites(term: Term): boolean {
  if (isCompound(term, 'at', 2)) return true;
  return term.kind === 'compound' && term.args.some(speaksOfSites);
}

interface At {
  readonly place: Term;
  readonly goal: Term;
  readonly negated: boolean;
  /** Variables that the goal gives a value. */
  readonly outside: readonly string[];
}

interface Test {
  /** As it was written. */
  readonly test: Term;
}

type Item = At | Test;
const isAt = (item: Item): item is At => 'goal' in item;

/** @throws LogicError `bad_request`, `cross_product`, `too_large`, or what is wrong with a goal by itself */
export function planJoin(
  term: Term,
  input: FleetAskInput,
  { manifest, registry }: Known,
): JoinPlan & { readonly parts: readonly Part[] } {
  const items = conjuncts(term).map(itemOf);
  const ats = items.filter(isAt);
  if (ats.length > JOIN_PARTS)
    throw new LogicError(
      'too_large',
      `there are ${ats.length} goals at sites, at most ${JOIN_PARTS} are joined`,
    );
  const { variables, types, tests } = typed(items, manifest);
  for (const at of ats) refuseHidden(at, items);
  const takes = (at: At, test: Term) => !at.negated && mayTake(at, test, ats);
  const here = tests.filter(({ test }) => !ats.some((at) => takes(at, test)));
  const apart = tests.filter((one) => !here.includes(one));
  const used = new Set([...variables, ...here.flatMap(({ test }) => variablesOf(test))]);
  const goals = inOrder(ats, bindingOf(items));
  const parts = goals.map(({ at, columns }) => {
    const asked = columns.filter((name) => used.has(name) || isShared(name, at, ats));
    const own = apart.filter(({ test }) => takes(at, test)).map(({ test }) => test);
    const text = writeTerm([at.goal, ...own].reduce((a, b) => compound(',', [a, b])));
    const admitted = readmit(admit({ ...input, query: text }, manifest), manifest, {
      text,
      variables: asked,
    });
    const sites = at.place.kind === 'atom' ? { sites: [at.place.name] } : input;
    return partOf(admitted, select(registry, sites));
  });
  return {
    variables,
    types,
    goals: goals.map(({ at, key }) => ({ at: placeOf(at), negated: at.negated, key })),
    checks: here.map(({ normal }) => normal),
    pushed: apart.map(({ normal }) => formatTerm(normal)),
    parts,
  };
}

const placeOf = ({ place }: At): JoinGoal['at'] =>
  place.kind === 'atom' ? { site: place.name } : { variable: (place as { name: string }).name };

function itemOf(term: Term): Item {
  const negated = isCompound(term, '\\+', 1);
  const inner = negated ? (term.args[0] as Term) : term;
  if (isCompound(inner, 'at', 2)) {
    const [place, goal] = inner.args as [Term, Term];
    if (place.kind !== 'var' && place.kind !== 'atom')
      misplaced('the first argument of at/2 is a site or a variable');
    if (speaksOfSites(goal)) misplaced('at/2 stands inside at/2');
    return { place, goal, negated, outside: outsideVariables(goal) };
  }
  if (speaksOfSites(term)) misplaced('at/2 stands inside another goal');
  const isTest =
    term.kind === 'compound' &&
    term.args.length === 2 &&
    (COMPARISONS.has(term.name) || IDENTITIES.has(term.name) || term.name === 'is');
  if (!isTest) misplaced('a goal beside at/2 names no site');
  return { test: term };
}

function misplaced(what: string): never {
  throw new LogicError(
    'bad_request',
    `${what}: a question over sites is at(Site, Goal), \\+ at(Site, Goal) and comparisons, side by side`,
  );
}

// ---- types ----

/** Stands for "is a site's name" where the whole is typed; no text has such a name. */
const SITE: CatalogueEntry = {
  name: '$site',
  arity: 1,
  kind: 'inventory',
  det: 'nondet',
  key: [],
  module: 'fleet',
  doc: '',
  say: [],
  args: [{ name: 'site', type: 'atom', mode: '-' }],
};

interface Typed {
  readonly variables: readonly string[];
  readonly types: ReadonlyMap<string, string>;
  readonly tests: readonly { readonly test: Term; readonly normal: Term }[];
}

function typed(items: readonly Item[], manifest: Manifest): Typed {
  const plain = items.map((item) => {
    if (!isAt(item)) return item.test;
    const { place, goal, negated } = item;
    const whole = place.kind === 'var' ? compound(',', [compound(SITE.name, [place]), goal]) : goal;
    return negated ? compound('\\+', [whole]) : whole;
  });
  const conjunction = plain.reduceRight((rest, one) => compound(',', [one, rest]));
  const variables = outsideVariables(conjunction).filter((name) => !name.startsWith('_'));
  const types = new Map<string, string>();
  const entries = new Map(manifest.entries).set('$site/1', SITE);
  const goal = checkGoal(conjunction, {
    manifest: { ...manifest, entries },
    answerVariables: variables,
    types,
  });
  refuseNamedLocals(conjunction);
  let rest = goal;
  const tests = items.flatMap((item, i) => {
    const last = i === items.length - 1;
    const normal = last ? rest : ((rest as { args: readonly Term[] }).args[0] as Term);
    if (!last) rest = (rest as { args: readonly Term[] }).args[1] as Term;
    return isAt(item) ? [] : [{ test: item.test, normal }];
  });
  return { variables, types, tests };
}

/** What a goal shares with others it must give a value itself: a site knows nothing of the other goals. */
function refuseHidden({ goal, outside }: At, items: readonly Item[]): void {
  const elsewhere = new Set(
    items.flatMap((item) => (isAt(item) && item.goal === goal ? [] : variablesIn(item))),
  );
  const hidden = variablesOf(goal).find((name) => elsewhere.has(name) && !outside.includes(name));
  if (hidden !== undefined)
    throw new LogicError(
      'unbound_argument',
      `${hidden} has no value at that site: inside at/2, put a goal before that gives it one`,
    );
}

const variablesIn = (item: Item): string[] =>
  isAt(item) ? variablesOf(item.place, item.goal) : variablesOf(item.test);

// ---- what is asked where ----

/** A comparison, not of sites, whose variables this goal has. */
function mayTake({ outside }: At, test: Term, ats: readonly At[]): boolean {
  const names = variablesOf(test);
  const sites = new Set(ats.flatMap(({ place }) => variablesOf(place)));
  const own = names.every((name) => outside.includes(name) && !sites.has(name));
  return !isCompound(test, 'is', 2) && names.length > 0 && own;
}

function isShared(name: string, own: At, ats: readonly At[]): boolean {
  return (
    ats.some((at) => at !== own && variablesIn(at).includes(name)) || variablesOf(own.place).includes(name)
  );
}

/** Variables that have a value when the negated goals are looked at. */
function bindingOf(items: readonly Item[]): ReadonlySet<string> {
  return new Set(
    items.flatMap((item) => {
      if (isAt(item)) return item.negated ? [] : [...item.outside, ...variablesOf(item.place)];
      return isCompound(item.test, 'is', 2) ? variablesOf(item.test.args[0] as Term) : [];
    }),
  );
}

interface Placed {
  readonly at: At;
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

/** Each goal after one that it shares a variable with; the negated ones last. */
function inOrder(ats: readonly At[], bound: ReadonlySet<string>): Placed[] {
  const placed: Placed[] = [];
  const known = new Set<string>();
  const waiting = ats.filter(({ negated }) => !negated);
  if (waiting.length === 0) misplaced('every goal is negated');
  while (waiting.length > 0) {
    const i = placed.length === 0 ? 0 : waiting.findIndex((at) => keyOf(at, known).length > 0);
    if (i < 0) crossProduct(waiting[0] as At);
    const [at] = waiting.splice(i, 1) as [At];
    placed.push({ at, columns: at.outside, key: keyOf(at, known) });
    for (const name of [...at.outside, ...variablesOf(at.place)]) known.add(name);
  }
  for (const at of ats.filter(({ negated }) => negated)) {
    const key = keyOf(at, bound);
    if (key.length === 0) crossProduct(at);
    placed.push({ at, columns: at.outside.filter((name) => bound.has(name)), key });
  }
  return placed;
}

function keyOf({ place, outside }: At, known: ReadonlySet<string>): string[] {
  return [...new Set([...variablesOf(place), ...outside])].filter((name) => known.has(name));
}

function crossProduct({ place, goal }: At): never {
  throw new LogicError(
    'cross_product',
    `at(${writeTerm(place)},${writeTerm(goal)}) shares no variable with the goals before it: every row would stand beside every row`,
  );
}
