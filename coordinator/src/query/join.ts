/**
 * Rows of goals at several sites, joined by hash on the variables that they share (plan-join.ts), each row with the
 * site answers that it rests on. How many rows a step gives is counted before they are made. A negated goal takes rows
 * away, and only a word from all of its targets can: over partial coverage such a join is refused.
 */
import type { Answer, Coverage, FleetJoin, JoinPart, JoinRow, JsonValue } from '@fleet/shared/api/ask.ts';
import { evaluate, holds } from '@fleet/shared/arithmetic.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { fromJson, toJson } from '@fleet/shared/json.ts';
import { FLEET_ROWS, JOIN_INPUT_ROWS } from '@fleet/shared/limits.ts';
import { atom, compareTuples, substitute, type Term, variablesOf, writeTerm } from '@fleet/shared/term.ts';
import type { Part } from './part.ts';
import type { JoinGoal, JoinPlan } from './plan-join.ts';
import { weakest, wordOf } from './standing.ts';

/** A part's answers that may be merged, and what became of its targets. */
export interface Gathered {
  readonly part: Part;
  readonly answers: readonly Answer[];
  readonly coverage: Coverage;
  /** Whether its answers are those of all its targets. */
  readonly whole: boolean;
}

interface Row {
  readonly values: ReadonlyMap<string, Term>;
  readonly rests: JoinRow['rests'];
}

/** @throws LogicError `join_too_large`, `partial_coverage` for a negation that not all could answer, `evaluation_error` */
export function join(plan: JoinPlan, gathered: readonly Gathered[]): FleetJoin {
  const input = gathered.reduce((sum, { answers }) => sum + answers.length, 0);
  if (input > JOIN_INPUT_ROWS) tooLarge(`its goals gave ${input} rows together`);
  const checks = [...plan.checks];
  const given = new Set(
    gathered.flatMap(({ part }, i) => (plan.goals[i]?.negated ? [] : part.admitted.asked.variables)),
  );
  let rows: readonly Row[] = [{ values: new Map(), rests: [] }];
  for (const [i, goal] of plan.goals.entries()) {
    const { answers, coverage, whole, part } = gathered[i] as Gathered;
    const columns = part.admitted.asked.variables;
    if (goal.negated) {
      if (!whole) refuseNegation(part, coverage);
      rows = withoutMatches(rows, goal, rowsOf(plan, goal, { answers, columns, number: i }));
    } else {
      rows = joined(rows, goal, rowsOf(plan, goal, { answers, columns, number: i }));
      rows = tested(rows, checks, given);
    }
  }
  const parts = plan.goals.map((goal, i) => partOf(goal, gathered[i] as Gathered));
  const negations = gathered
    .filter((_, i) => plan.goals[i]?.negated)
    .map(({ part }) => wordOf(part.admitted));
  const distinct = inCanonicalOrder(rows, plan.variables);
  if (distinct.length > FLEET_ROWS)
    tooLarge(`it has ${distinct.length} rows, at most ${FLEET_ROWS} are given`);
  const standings = ({ rests }: Row) =>
    rests.map(({ part, answer }) => (gathered[part]?.answers[answer] as Answer).standing);
  return {
    parts,
    rows: distinct.map((row) => ({
      bindings: Object.fromEntries(
        plan.variables.map((name) => [name, toJson(row.values.get(name) as Term)]),
      ),
      standing: weakest([...standings(row), ...negations]) ?? 'unproved',
      rests: row.rests,
    })),
  };
}

function partOf({ at, negated }: JoinGoal, { part, answers, coverage }: Gathered): JoinPart {
  const { text, variables } = part.admitted.asked;
  return { query: text, at, negated, variables, answers, coverage };
}

function tooLarge(what: string): never {
  throw new LogicError('join_too_large', `the join is too large: ${what}`);
}

function refuseNegation({ admitted }: Part, coverage: Coverage): never {
  const missing = coverage.targets - coverage.answered - coverage.empty;
  throw new LogicError(
    'partial_coverage',
    `nobody can say where not (${admitted.asked.text}): ${missing} of ${coverage.targets} sites gave no answer that counts`,
    undefined,
    { coverage },
  );
}

interface Given {
  readonly answers: readonly Answer[];
  readonly columns: readonly string[];
  readonly number: number;
}

/** Answers as rows, with the site where it is a variable; one that is a column too must agree with it. */
function rowsOf({ types }: JoinPlan, { at }: JoinGoal, { answers, columns, number }: Given): Row[] {
  return answers.flatMap(({ site, bindings }, i) => {
    const values = new Map(
      columns.map((name) => [name, fromJson(bindings[name] as JsonValue, types.get(name) ?? 'atom')]),
    );
    const rests = [{ part: number, answer: i }];
    if (!('variable' in at)) return [{ values, rests }];
    const own = values.get(at.variable);
    if (own !== undefined && !(own.kind === 'atom' && own.name === site)) return [];
    return [{ values: values.set(at.variable, atom(site)), rests }];
  });
}

const keyIn = ({ values }: Row, names: readonly string[]): string =>
  names.map((name) => writeTerm(values.get(name) as Term)).join('\n');

function joined(left: readonly Row[], { key }: JoinGoal, right: readonly Row[]): Row[] {
  const buckets = Map.groupBy(right, (row) => keyIn(row, key));
  const matches = (row: Row) => buckets.get(keyIn(row, key)) ?? [];
  const size = left.reduce((sum, row) => sum + matches(row).length, 0);
  if (size > JOIN_INPUT_ROWS) tooLarge(`a step of it has ${size} rows`);
  return left.flatMap((row) =>
    matches(row).map((other) => ({
      values: new Map([...row.values, ...other.values]),
      rests: [...row.rests, ...other.rests],
    })),
  );
}

function withoutMatches(left: readonly Row[], { key }: JoinGoal, right: readonly Row[]): Row[] {
  const there = new Set(right.map((row) => keyIn(row, key)));
  return left.filter((row) => !there.has(keyIn(row, key)));
}

/**
 * Applies the checks, in their order, as long as their variables have values; those are taken from the list. `is` gives
 * its variable a value where no goal does.
 */
function tested(rows: readonly Row[], checks: Term[], given: ReadonlySet<string>): readonly Row[] {
  let left = rows;
  const bound = new Set(rows[0]?.values.keys());
  for (let check = checks[0]; check !== undefined && rows.length > 0; check = checks[0]) {
    const [target, expression] = (check as { args: readonly Term[] }).args as [Term, Term];
    const binds =
      (check as { name: string }).name === 'is' && target.kind === 'var' && !given.has(target.name);
    const wanted = binds ? variablesOf(expression) : variablesOf(check);
    if (!wanted.every((name) => bound.has(name))) break;
    checks.shift();
    if (binds) {
      const name = (target as { name: string }).name;
      bound.add(name);
      left = left.map(({ values, rests }) => {
        const value = evaluate(substitute(expression, values));
        return { values: new Map(values).set(name, value), rests };
      });
    } else {
      left = left.filter(({ values }) => {
        const [a, b] = [substitute(target, values), substitute(expression, values)];
        return holds((check as { name: string }).name, a, b);
      });
    }
  }
  return left;
}

/** Rows with distinct values, in canonical order; of several the first stays. */
function inCanonicalOrder(rows: readonly Row[], variables: readonly string[]): Row[] {
  const tuple = ({ values }: Row) => variables.map((name) => values.get(name) as Term);
  const tuples = new Map(rows.map((row) => [row, tuple(row)]));
  const of = (row: Row) => tuples.get(row) as Term[];
  return rows
    .toSorted((a, b) => compareTuples(of(a), of(b)))
    .filter((row, i, all) => i === 0 || compareTuples(of(row), of(all[i - 1] as Row)) !== 0);
}
