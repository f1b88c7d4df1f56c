/** What `site.observe` takes and gives: facts pushed by a script. */
import { z } from 'zod';
import { PUSH_VALID_MS } from '../limits.ts';

export const observeInput = z.array(
  z.strictObject({
    /** A fact of a state predicate, such as `node_up(pve1,true)`. */
    fact: z.string().min(1),
    /** How long it is evidence, from when it was observed; ms. */
    validForMs: z.int().min(1).max(PUSH_VALID_MS),
    /** ms since 1970 UTC; now where left out. */
    observedAt: z.int().min(0).optional(),
  }),
);
export type ObserveInput = z.input<typeof observeInput>;

export interface ObserveResult {
  /** The revision that holds them, on the disk. */
  readonly revision: number;
}
