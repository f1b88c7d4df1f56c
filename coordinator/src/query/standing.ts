/** How what is computed from several answers stands: as the weakest of them. */
import type { Standing } from '@fleet/shared/api/ask.ts';
import type { Admitted } from './admit.ts';

/** From the strongest to the weakest. */
const STRENGTH: readonly Standing[] = ['verified', 'attested', 'hypothetical', 'unproved', 'rejected'];

/** The weakest; null of none. */
export function weakest(standings: Iterable<Standing>): Standing | null {
  let found = -1;
  for (const standing of standings) found = Math.max(found, STRENGTH.indexOf(standing));
  return STRENGTH[found] ?? null;
}

/** That there is nothing, or nothing more, at a site is its signed word about its whole state. */
export function wordOf({ asked, prove }: Admitted): Standing {
  if (!prove) return 'unproved';
  return asked.assumptions.length > 0 ? 'hypothetical' : 'attested';
}
