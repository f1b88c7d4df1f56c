/**
 * The ceiling of the process's resident memory, watched from inside: a process that grew past it ends itself with a sentence, before the
 * kernel ends whoever it likes best. V8's heap has its own flags; this is for what llama.cpp takes.
 */
import { SEMANTIC_MEMORY_BYTES, SEMANTIC_MEMORY_LOOK_MS } from '@fleet/shared/limits.ts';
import type { World } from '../../world.ts';

export interface CeilingParts {
  readonly bytes: number;
  readonly world: Pick<World, 'after'>;
  readonly resident: () => number;
  readonly over: (residentBytes: number) => void;
}

/** Where nobody names one: a fixed part, and one and a half times the model, whose pages count as far as they were read. */
export function ceilingFor(modelBytes: number): number {
  return SEMANTIC_MEMORY_BYTES + Math.ceil(modelBytes * 1.5);
}

/** Looks from now on; returns how to stop. */
export function watchCeiling({ bytes, world, resident, over }: CeilingParts): () => void {
  let callOff = () => {};
  const look = () => {
    const now = resident();
    if (now > bytes) over(now);
    else callOff = world.after(SEMANTIC_MEMORY_LOOK_MS, look);
  };
  look();
  return () => callOff();
}
