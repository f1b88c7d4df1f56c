/** The plan of a question as people and programs read it. No site is asked; the plan is the one that an ask would run. */
import type { FleetAskInput } from '@fleet/shared/api/ask.ts';
import type { Budget, FleetPlan, PlannedPart } from '@fleet/shared/api/plan.ts';
import {
  AGENT_REPLY_MS,
  ANSWERS,
  FANOUT_AT_ONCE,
  FANOUT_SLOT_MS,
  FLEET_DEADLINE_MS,
  FLEET_ROWS,
  JOIN_INPUT_ROWS,
  QUESTION_WALL_MS,
} from '@fleet/shared/limits.ts';
import type { Fleet } from './pipeline.ts';
import { type Plan, planQuestion } from './plan.ts';
import { expectedRows } from './sizes.ts';

/** @throws LogicError for a question that may not be asked, as an ask would */
export function explainFleet(
  fleet: Pick<Fleet, 'registry' | 'manifest' | 'sizes'>,
  input: FleetAskInput,
): FleetPlan {
  const plan = planQuestion(input, fleet);
  const parts = plan.parts.map((_, i) => plannedPart(plan, i, fleet.sizes));
  const skipped = new Map(
    plan.parts.flatMap(({ targets }) =>
      targets.skipped.map(({ site, reason }) => [site.name, reason] as const),
    ),
  );
  const { query, kind, variables, pushed, here, share, maxAgeMs } = plan;
  return {
    query,
    kind,
    variables,
    targets: {
      asked: plan.targets.map(({ name }) => name).filter((name) => !skipped.has(name)),
      skipped: [...skipped].map(([site, reason]) => ({ site, reason })),
    },
    parts,
    pushed,
    here,
    share,
    maxAgeMs,
    budget: budgetOf(plan, input.deadlineMs ?? FLEET_DEADLINE_MS),
    join: plan.join === null ? null : joinCost(parts),
  };
}

function plannedPart(plan: Plan, i: number, sizes: Fleet['sizes']): PlannedPart {
  const part = plan.parts[i] as Plan['parts'][number];
  const goal = plan.join?.goals[i];
  const sites = part.targets.asked.length;
  const { text, variables } = part.admitted.asked;
  return {
    query: text,
    at: goal?.at ?? null,
    negated: goal?.negated ?? false,
    variables,
    sites,
    expectedRows: expectedRows(sizes, part),
    mostRows: sites * (plan.fold === null ? ANSWERS : 1),
  };
}

function joinCost(parts: readonly PlannedPart[]): FleetPlan['join'] {
  const expected = parts.map((part) => part.expectedRows);
  const sum = expected.reduce<number>((total, rows) => total + (rows ?? 0), 0);
  return {
    expectedRows: expected.includes(null) ? null : sum,
    mostRows: JOIN_INPUT_ROWS,
    mostGiven: FLEET_ROWS,
    refused: sum > JOIN_INPUT_ROWS,
  };
}

function budgetOf({ parts }: Plan, deadlineMs: number): Budget {
  const questions = parts.reduce((sum, { targets }) => sum + targets.asked.length, 0);
  const sendingMs = Math.max(0, Math.ceil(questions / FANOUT_AT_ONCE) - 1) * FANOUT_SLOT_MS;
  return {
    deadlineMs,
    sendingMs,
    siteMs: AGENT_REPLY_MS,
    questionMs: QUESTION_WALL_MS,
    restMs: Math.max(0, deadlineMs - sendingMs - AGENT_REPLY_MS),
  };
}
