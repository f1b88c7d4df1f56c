/**
 * A pengine's question, asked of the fleet. An answer over part of the fleet is no answer to a client that cannot see the coverage: it
 * is an error that names who is missing, unless the client asked for the application `logic_partial`.
 */
import type { Coverage, FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '@fleet/shared/limits.ts';
import { isCompound, readTerm, type Term } from '@fleet/shared/term.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import { askFleetTelling, type Fleet } from '../query/pipeline.ts';
import { planQuestion } from '../query/plan.ts';
import { columnsOf, type Shape, type Table, tableOf } from './table.ts';

export interface FleetQuestion {
  readonly ask: string;
  readonly template: string | null;
  readonly partial: boolean;
}

/** Who asks, and a signal that they have left. */
interface Asker {
  readonly cancel: AbortSignal;
  readonly by: Caller;
}

/** @throws LogicError whatever is wrong with the question, and `partial_coverage` */
export async function askThroughDoor(fleet: Fleet, question: FleetQuestion, asker: Asker): Promise<Table> {
  const { ask, partial } = question;
  const input: FleetAskInput = { query: ask, mode: partial ? 'partial' : 'strict' };
  const shape = shapeOf(fleet, question, input);
  const result = await askFleetTelling(fleet, input, asker).catch((cause) => {
    throw naming(cause);
  });
  asker.cancel.throwIfAborted();
  if (shape.proof !== null && !partial) refuseUnproved(result);
  return tableOf(result, shape);
}

function shapeOf(fleet: Fleet, { ask, template }: FleetQuestion, input: FleetAskInput): Shape {
  const plan = planQuestion(input, fleet);
  const proof = proofVariable(ask);
  if (plan.join !== null) {
    const { types } = plan.join;
    return { ask, template, variables: namedIn(template, plan.variables), types, proof: null };
  }
  const named = template === null ? {} : { template: columnsOf(template) };
  const { variables, types } = checkAsk(ask, fleet.manifest, named);
  const missing = variables.find((name) => !plan.variables.includes(name));
  if (missing !== undefined)
    throw new LogicError(
      'bad_request',
      `The template has ${missing}, which is no answer variable of the question.`,
    );
  return { ask, template, variables, types, proof };
}

function namedIn(template: string | null, variables: readonly string[]): readonly string[] {
  if (template === null) return variables;
  const columns = columnsOf(template).slice(1, -1).split(',');
  return columns.filter((name) => variables.includes(name));
}

function proofVariable(ask: string): string | null {
  const { term } = readTerm(ask, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH });
  const inner = isCompound(term, 'assuming', 2) ? (term.args[1] as Term) : term;
  const proof = isCompound(inner, 'prove', 2) ? inner.args[1] : undefined;
  return proof?.kind === 'var' ? proof.name : null;
}

/** A site that proves nothing has no answer to `prove/2`. */
function refuseUnproved({ answers }: FleetResult): void {
  const sites = [...new Set(answers.filter(({ proof }) => proof === null).map(({ site }) => site))];
  if (sites.length > 0) throw new LogicError('partial_coverage', `No proofs come from ${listed(sites)}.`);
}

/** The error of a question that not all sites answered, in words that name them. */
function naming(cause: unknown): unknown {
  if (!(cause instanceof LogicError) || cause.code !== 'partial_coverage') return cause;
  const coverage = cause.data.coverage as Coverage | undefined;
  if (coverage === undefined) return cause;
  const missing = coverage.sites
    .filter(({ outcome }) => outcome !== 'answered' && outcome !== 'empty')
    .map(
      ({ site, outcome, code }) =>
        `${site} (${code === null || code === outcome ? outcome : `${outcome}, ${code}`})`,
    );
  const good = coverage.targets - missing.length;
  return new LogicError(
    'partial_coverage',
    `${good} of ${coverage.targets} sites answered. Missing: ${listed(missing)}.`,
    cause,
    cause.data,
  );
}

const NAMED = 20;

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return names.slice(0, NAMED).join(', ') + more;
}
