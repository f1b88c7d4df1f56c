/**
 * The stage `echo`: a query in plain English, made from the query and the catalogue's own words alone, so that whoever asked sees what will be
 * asked before it is. Deterministic; no model has a part in it. What a goal of the catalogue says is sentence.ts's; how goals are put
 * together is said here.
 */
import { baseType, type Manifest } from '../catalogue.ts';
import { answerVariables, occurrences, outsideVariables } from '../language.ts';
import { argumentsOf, indicator, isCompound, sameTerm, type Term, variablesOf, writeTerm } from '../term.ts';
import { argumentsByVariable, type Meant } from './form.ts';
import { pascal, sentenceOf, valueText } from './sentence.ts';

interface Saying {
  readonly manifest: Manifest;
  readonly meant: ReadonlyMap<string, Meant>;
  /** Occurrences in the whole query. */
  readonly counts: ReadonlyMap<string, number>;
  /** How a variable is called; none where it occurs once and nobody asks for it. */
  readonly names: ReadonlyMap<string, string>;
  readonly negated: boolean;
}

/** What a query says, as one sentence. */
export function echo(query: Term, manifest: Manifest): string {
  if (isCompound(query, 'assuming', 2)) {
    const [assumed, inner] = query.args as [Term, Term];
    const facts = assumed.kind === 'list' ? assumed.items : [assumed];
    return `If it were so that ${listed(facts.map((fact) => said(fact, sayingOf(fact, manifest))))}: ${echo(inner, manifest)}`;
  }
  if (isCompound(query, 'prove', 2)) return echo(query.args[0] as Term, manifest);
  if (isCompound(query, 'why_not', 2)) {
    const goal = query.args[0] as Term;
    return `Why is it not so that ${said(goal, sayingOf(goal, manifest))}?`;
  }
  const saying = sayingOf(query, manifest);
  return capital(question(query, saying));
}

const capital = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;

function question(goal: Term, saying: Saying): string {
  const asked = answerVariables(goal);
  const [only] = asked;
  if (only === undefined) return yesOrNo(goal, saying);
  if (isCompound(goal, 'aggregate_all', 3) && asked.length === 1)
    return aggregateQuestion(aggregateOf(goal.args), saying);
  if (isCompound(goal, 'top', 3)) return topQuestion(topOf(goal.args), asked, saying);
  const sentence = said(goal, saying);
  const value = new RegExp(`^(.*\\S) is ${nameIn(saying, only)}$`).exec(sentence)?.[1];
  if (asked.length === 1 && value !== undefined && saying.manifest.entries.has(indicator(goal) ?? ''))
    return `what is ${value.replace(/,$/, '')}?`;
  return `${which(asked, saying)}: ${sentence}.`;
}

function yesOrNo(goal: Term, saying: Saying): string {
  const text = said(goal, saying);
  return text.startsWith(NOT) ? `is it false that${text.slice(NOT.length)}?` : `is it so that ${text}?`;
}

function which(variables: readonly string[], saying: Saying): string {
  const areNumbers = variables.every((name) => isNumber(saying.meant.get(name)));
  return `${areNumbers ? 'what' : 'which'} ${listed(variables.map((name) => nameIn(saying, name)))}`;
}

const isNumber = (meant: Meant | undefined): boolean =>
  meant !== undefined && baseType(meant.type) !== 'atom';

// ---- names of variables ----

function sayingOf(goal: Term, manifest: Manifest): Saying {
  const counts = occurrences(goal);
  const meant = argumentsByVariable(goal, manifest);
  const counted = new Set<string>();
  addCounted(goal, counts, counted);
  const names = new Map<string, string>();
  for (const name of counts.keys()) if (!name.startsWith('_')) names.set(name, name);
  const taken = new Set(names.values());
  for (const [name, count] of counts) {
    if (names.has(name) || (count === 1 && !counted.has(name))) continue;
    const own = name.replace(/^_+/, '');
    const base = /^[A-Z]/.test(own) ? own : pascal(meant.get(name)?.name ?? 'value');
    let free = base;
    for (let n = 2; taken.has(free); n++) free = `${base}${n}`;
    taken.add(free);
    names.set(name, free);
  }
  return { manifest, meant, counts, names, negated: false };
}

const nameIn = ({ names }: Saying, name: string): string => names.get(name) ?? name;

/** Aggregates that say what they range over. */
const RANGING = new Set(['count', 'sum', 'list']);

/** What an aggregate ranges over has a name, even where the query gives it none. */
function addCounted(term: Term, counts: ReadonlyMap<string, number>, into: Set<string>): void {
  if (isCompound(term, 'aggregate_all', 3)) {
    const aggregate = aggregateOf(term.args);
    if (RANGING.has(aggregate.name)) for (const name of tupleOf(aggregate, counts)) into.add(name);
  }
  for (const arg of argumentsOf(term)) addCounted(arg, counts, into);
}

/** Variables that occur in these terms and nowhere else. */
function localsOf(terms: readonly Term[], counts: ReadonlyMap<string, number>): string[] {
  return [...occurrences(...terms)]
    .filter(([name, count]) => counts.get(name) === count)
    .map(([name]) => name);
}

// ---- goals ----

function said(goal: Term, saying: Saying): string {
  const { entries } = saying.manifest;
  if (goal.kind === 'atom' && goal.name === 'true') return 'anything is so';
  if (goal.kind !== 'compound') return writeTerm(goal);
  const entry = entries.get(indicator(goal) ?? '');
  if (entry !== undefined) {
    const nameOf = (name: string) => saying.names.get(name) ?? null;
    return sentenceOf(entry, goal.args, { manifest: saying.manifest, nameOf, negated: saying.negated });
  }
  return (
    FORMS[indicator(goal) ?? '']?.(goal.args, saying) ??
    comparison(goal.name, goal.args, saying) ??
    writeTerm(goal)
  );
}

type Form = (args: readonly Term[], saying: Saying) => string;

const FORMS: Readonly<Record<string, Form>> = {
  ',/2': (args, saying) => listed(args.flatMap((arg) => parts(arg, ',')).map((part) => said(part, saying))),
  ';/2': (args, saying) =>
    either(
      args.flatMap((arg) => parts(arg, ';')),
      saying,
    ),
  '\\+/1': ([inner], saying) => not(inner as Term, saying),
  'forall/2': ([each, also], saying) => every(each as Term, also as Term, saying),
  'aggregate_all/3': (args, saying) => aggregateGoal(aggregateOf(args), saying),
  'top/3': (args, saying) => topGoal(topOf(args), saying),
  'is/2': ([left, right], saying) => `${value(left as Term, saying)} is ${expression(right as Term, saying)}`,
  'at/2': ([site, inner], saying) => `at ${value(site as Term, saying)}, ${said(inner as Term, saying)}`,
};

function parts(goal: Term, name: ',' | ';'): readonly Term[] {
  return isCompound(goal, name, 2) ? goal.args.flatMap((arg) => parts(arg, name)) : [goal];
}

/** "A and B", "A, B, and C"; with semicolons where a part has commas of its own. */
function listed(items: readonly string[], word = 'and'): string {
  const [first = '', ...rest] = items;
  const last = rest.pop();
  if (last === undefined) return first;
  const mark = items.some((item) => item.includes(',')) ? ';' : ',';
  const isPlain = items.every((item) => !item.includes(' '));
  if (rest.length === 0 && isPlain) return `${first} ${word} ${last}`;
  return `${[first, ...rest].join(`${mark} `)}${mark} ${word} ${last}`;
}

/** In brackets where it is more than one goal. */
function grouped(goal: Term, saying: Saying): string {
  const text = said(goal, saying);
  return isCompound(goal, ',', 2) ? `(${text})` : text;
}

function either(ways: readonly Term[], saying: Saying): string {
  const one = asOneGoal(ways, saying);
  return one === null ? `either ${ways.map((way) => grouped(way, saying)).join(', or ')}` : said(one, saying);
}

/** Goals that differ in one constant as one goal: "down or unknown" in its place. Null where they do not. */
function asOneGoal(ways: readonly Term[], saying: Saying): Term | null {
  const [first] = ways;
  if (first?.kind !== 'compound') return null;
  const differing = first.args.flatMap((arg, at) =>
    ways.every((way) => sameTerm(argumentsOf(way)[at] ?? way, arg)) ? [] : [at],
  );
  const [place] = differing;
  const isAlike = ways.every((way) => indicator(way) === indicator(first));
  if (!isAlike || differing.length !== 1 || place === undefined) return null;
  const constants = ways.map((way) => argumentsOf(way)[place] as Term);
  const argument = argumentOf(first, place, saying);
  if (argument.type === 'boolean' || constants.some(({ kind }) => kind === 'var' || kind === 'compound'))
    return null;
  const text = listed(
    constants.map((one) => valueText(one, argument)),
    'or',
  );
  return { ...first, args: first.args.with(place, { kind: 'atom', name: text }) };
}

type Unit = Pick<Meant, 'type' | 'unit'>;

function argumentOf(goal: Term, at: number, { manifest, meant }: Saying): Unit {
  const argument = manifest.entries.get(indicator(goal) ?? '')?.args[at];
  return argument ?? unitAmong(argumentsOf(goal), meant);
}

const NOT = 'it is not so that';

function not(inner: Term, saying: Saying): string {
  const named = localsOf([inner], saying.counts).filter((name) => saying.names.has(name));
  if (named.length > 0)
    return `there is no ${listed(named.map((name) => nameIn(saying, name)))} such that ${grouped(inner, saying)}`;
  return `${NOT} ${grouped(inner, { ...saying, negated: true })}`;
}

function every(each: Term, also: Term, saying: Saying): string {
  const named = localsOf([each, also], saying.counts).filter((name) => saying.names.has(name));
  const who =
    named.length === 0
      ? 'whenever'
      : `for every ${listed(named.map((name) => nameIn(saying, name)))} such that`;
  return `${who} ${grouped(each, saying)}, it is also so that ${grouped(also, saying)}`;
}

// ---- comparisons ----

const COMPARED: Readonly<Record<string, string>> = {
  '<': 'is less than',
  '>': 'is more than',
  '=<': 'is at most',
  '>=': 'is at least',
  '=:=': 'is equal to',
  '=\\=': 'is not equal to',
  '==': 'is',
  '\\==': 'is not',
};

function comparison(name: string, args: readonly Term[], saying: Saying): string | null {
  const compared = args.length === 2 ? COMPARED[name] : undefined;
  const [left, right] = args;
  if (compared === undefined || left === undefined || right === undefined) return null;
  const unit = unitAmong(args, saying.meant);
  return `${expression(left, saying, unit)} ${compared} ${expression(right, saying, unit)}`;
}

const NO_UNIT: Unit = { type: 'atom' };

/** What the first variable with a meaning stands for, and with it the constants beside it. */
function unitAmong(terms: readonly Term[], meant: ReadonlyMap<string, Meant>): Unit {
  const name = variablesOf(...terms).find((one) => meant.has(one));
  return (name === undefined ? undefined : meant.get(name)) ?? NO_UNIT;
}

function value(term: Term, saying: Saying, unit: Unit = NO_UNIT): string {
  return term.kind === 'var' ? nameIn(saying, term.name) : valueText(term, unit);
}

type Words = (a: string, b: string) => string;

const BINARY: Readonly<Record<string, Words>> = {
  '+': (a, b) => `${a} plus ${b}`,
  '-': (a, b) => `${a} minus ${b}`,
  '*': (a, b) => `${a} times ${b}`,
  '/': (a, b) => `${a} divided by ${b}`,
  '//': (a, b) => `the whole part of ${a} divided by ${b}`,
  mod: (a, b) => `the remainder of ${a} divided by ${b}`,
  min: (a, b) => `the smaller of ${a} and ${b}`,
  max: (a, b) => `the larger of ${a} and ${b}`,
};

/** Factors have no unit. */
const SCALING = new Set(['*', '/', '//', 'mod']);

function expression(term: Term, saying: Saying, unit: Unit = unitAmong([term], saying.meant)): string {
  if (term.kind !== 'compound') return value(term, saying, unit);
  const of = SCALING.has(term.name) ? NO_UNIT : unit;
  const [first, second] = term.args.map((arg) => {
    const text = expression(arg, saying, of);
    return arg.kind === 'compound' ? `(${text})` : text;
  });
  if (second !== undefined) return BINARY[term.name]?.(first ?? '', second) ?? writeTerm(term);
  if (term.name === 'abs') return `${first} without its sign`;
  return term.name === '-' ? `minus ${first}` : (first ?? '');
}

// ---- aggregates ----

interface Aggregate {
  readonly name: string;
  /** The variable in its specification; null for a count. */
  readonly over: string | null;
  readonly spec: Term;
  readonly goal: Term;
  readonly result: Term;
}

function aggregateOf(args: readonly Term[]): Aggregate {
  const [spec, goal, result] = args as [Term, Term, Term];
  const [over] = argumentsOf(spec);
  const name = spec.kind === 'compound' || spec.kind === 'atom' ? spec.name : '';
  return { name, over: over?.kind === 'var' ? over.name : null, spec, goal, result };
}

/** The variables whose values make one solution. */
function tupleOf({ spec, goal }: Aggregate, counts: ReadonlyMap<string, number>): string[] {
  const locals = new Set(localsOf([spec, goal], counts));
  return outsideVariables(goal).filter((name) => locals.has(name));
}

const ONE_OF: Readonly<Record<string, string>> = {
  max: 'the highest',
  min: 'the lowest',
  set: 'the set of every',
};

function aggregateText(aggregate: Aggregate, saying: Saying): string {
  const { name, over, goal } = aggregate;
  const tuple = tupleOf(aggregate, saying.counts).map((one) => nameIn(saying, one));
  const such = `such that ${grouped(goal, saying)}`;
  if (over === null) {
    if (tuple.length === 0) return `the number of times, 0 or 1, that ${grouped(goal, saying)}`;
    return `the number of ${tuple.length > 1 ? 'combinations of ' : ''}${listed(tuple)} ${such}`;
  }
  const shown = nameIn(saying, over);
  const one = ONE_OF[name];
  if (one !== undefined) return `${one} ${shown} ${such}`;
  const others = tuple.filter((other) => other !== shown);
  const each = others.length === 0 ? 'every different' : `every ${listed(others)} and`;
  return others.length === 0
    ? `the ${name} of ${each} ${shown} ${such}`
    : `the ${name} of ${shown}, over every ${listed(others)} and ${shown} ${such}`;
}

function aggregateGoal(aggregate: Aggregate, saying: Saying): string {
  const text = aggregateText(aggregate, saying);
  const { result, over } = aggregate;
  if (result.kind === 'var') return `${nameIn(saying, result.name)} is ${text}`;
  const unit = over === null ? NO_UNIT : (saying.meant.get(over) ?? NO_UNIT);
  return `${valueText(result, unit)} is ${text}`;
}

function aggregateQuestion(aggregate: Aggregate, saying: Saying): string {
  const text = aggregateText(aggregate, saying);
  const many = /^the number of (?!times)(.*)$/s.exec(text)?.[1];
  if (many === undefined) return `what is ${text}?`;
  return `how many ${many.replace(/ such that /, ' are there such that ')}?`;
}

// ---- the first by size ----

interface Top {
  readonly most: Term;
  readonly over: string;
  readonly goal: Term;
  readonly order: 'largest' | 'smallest';
  /** A variable that is only the other with its sign turned: nobody asks for it. */
  readonly hidden: string | null;
}

/** `top(K, M, (G, M is -V))` is how the K with the smallest V are asked for. */
function topOf(args: readonly Term[]): Top {
  const [most, over, goal] = args as [Term, Term, Term];
  const name = over.kind === 'var' ? over.name : writeTerm(over);
  const goals = parts(goal, ',');
  const turned = goals.flatMap((one) => turnedIn(one, name));
  const [other] = turned;
  if (other === undefined) return { most, over: name, goal, order: 'largest', hidden: null };
  const rest = goals.filter((one) => turnedIn(one, name).length === 0);
  const smaller = rest.reduceRight((all, one) => ({ kind: 'compound', name: ',', args: [one, all] }));
  return { most, over: other, goal: smaller, order: 'smallest', hidden: name };
}

/** The V of `M is -V`. */
function turnedIn(goal: Term, name: string): string[] {
  if (!isCompound(goal, 'is', 2)) return [];
  const [left, right] = goal.args as [Term, Term];
  const isIt = left.kind === 'var' && left.name === name && isCompound(right, '-', 1);
  const [inner] = isIt ? argumentsOf(right) : [];
  return inner?.kind === 'var' ? [inner.name] : [];
}

function firstText({ most, over, order }: Top, saying: Saying): string {
  const count = most.kind === 'int' && most.value === 1n ? 'the one' : `the ${value(most, saying)}`;
  return `${count} with the ${order} ${nameIn(saying, over)}`;
}

function topQuestion(top: Top, asked: readonly string[], saying: Saying): string {
  const shown = asked.filter((name) => name !== top.hidden);
  return `${which(shown, saying)}, ${firstText(top, saying)}: ${said(top.goal, saying)}.`;
}

function topGoal(top: Top, saying: Saying): string {
  const names = outsideVariables(top.goal)
    .filter((name) => saying.names.has(name))
    .map((name) => nameIn(saying, name));
  const whole =
    top.hidden === null ? '' : ` and ${nameIn(saying, top.hidden)} is minus ${nameIn(saying, top.over)}`;
  return `${listed(names)} are among ${firstText(top, saying)} such that ${grouped(top.goal, saying)}${whole}`;
}
