/**
 * The way of a question through coordinators, as it travels in `logic-way`: `<id>/<name>` for each coordinator that has passed it
 * on, where `id` is the digest of its key and `name` what it calls the next one. A coordinator that finds its own id in it
 * would ask itself: it refuses, and names the way. Each level keeps something of the deadline for itself.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { LogicError } from '@fleet/shared/errors.ts';
import { COMPOSITION_LEVELS, LEVEL_SLACK_MS } from '@fleet/shared/limits.ts';

export interface Step {
  /** Of the coordinator that passed the question on. */
  readonly id: string;
  /** What it calls the coordinator that it passed it to. */
  readonly name: string;
}
export type Path = readonly Step[];

const STEP = /^([0-9a-f]{64})\/([a-z0-9-]{1,63})$/;

/** A coordinator's id: SHA-256 of its public key's SPKI, in hex. `publicKey` is PEM. */
export function idOf(publicKey: string): string {
  const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex');
}

/** @throws LogicError `bad_request` */
export function readPath(header: string | undefined): Path {
  if (header === undefined || header === '') return [];
  const steps = header.split(',').map((text) => STEP.exec(text));
  if (steps.length > COMPOSITION_LEVELS || steps.includes(null))
    throw new LogicError(
      'bad_request',
      `logic-way is no way through at most ${COMPOSITION_LEVELS} coordinators`,
    );
  return steps.map((match) => ({ id: match?.[1] ?? '', name: match?.[2] ?? '' }));
}

export function writePath(path: Path): string {
  return path.map(({ id, name }) => `${id}/${name}`).join(',');
}

/** The path that a question of `path` has on its way to the coordinator `name`. @throws LogicError `loop` past the last level */
export function extend(path: Path, { id, name }: Step): Path {
  if (path.length >= COMPOSITION_LEVELS)
    throw new LogicError(
      'loop',
      `more than ${COMPOSITION_LEVELS} coordinators in a row: ${nameOf(path)}/${name}`,
    );
  return [...path, { id, name }];
}

/** @throws LogicError `loop` where this coordinator has passed the question on already */
export function refuseLoop(path: Path, id: string): void {
  const at = path.findIndex((step) => step.id === id);
  if (at >= 0)
    throw new LogicError('loop', `this coordinator would ask itself, by way of ${nameOf(path.slice(at))}`);
}

function nameOf(path: Path): string {
  return path.map(({ name }) => name).join('/');
}

/** What is left of a deadline for the level below. */
export function deadlineBelow(deadlineMs: number): number {
  return Math.max(1, Math.floor(deadlineMs - Math.min(LEVEL_SLACK_MS, deadlineMs / 2)));
}
