/**
 * What the agent lets its engine use: the limits that Prolog is started with, and how many connections Node
 * opens to it. Both come from shared/src/limits.ts, so that the two sides cannot disagree.
 */
import {
  ANSWERS,
  PENGINE_IDLE_MS,
  PENGINE_SESSIONS,
  PROOF_STEPS,
  QUESTION_INFERENCES,
  QUESTION_STACK_BYTES,
  QUESTION_TABLE_BYTES,
  QUESTION_WALL_MS,
  QUESTIONS_AT_ONCE,
  REPLY_BYTES,
} from '@fleet/shared/limits.ts';

/** Questions, and beside them pings, aborts and destroys that must not queue behind one. */
export const ENGINE_CONNECTIONS = QUESTIONS_AT_ONCE + 4;

export const ENGINE_LIMITS: Readonly<Record<string, number>> = {
  answers: ANSWERS,
  proofSteps: PROOF_STEPS,
  // Headers and the frame's first line are beside it.
  replyBytes: REPLY_BYTES - 1024,
  wallMs: QUESTION_WALL_MS,
  inferences: QUESTION_INFERENCES,
  stackBytes: QUESTION_STACK_BYTES,
  tableBytes: QUESTION_TABLE_BYTES,
  sessions: PENGINE_SESSIONS,
  idleMs: PENGINE_IDLE_MS,
  workers: ENGINE_CONNECTIONS + 2,
};
