/** Which of the targets are behind other coordinators, and one request for all that are behind the same one. */
import { LogicError } from '@fleet/shared/errors.ts';
import type { Question } from '@fleet/shared/pengine.ts';
import type { Reply } from '../query/fanout.ts';
import type { Site } from '../sites/registry.ts';
import type { World } from '../world.ts';
import { askThrough, type Passing, type Through } from './ask-through.ts';

const NONE: ReadonlyMap<Site, Promise<Reply>> = new Map();

interface Wire {
  readonly world: World;
  readonly through?: Through | undefined;
}

/** A reply for each target that is not asked directly. */
export function askBehind(
  { world, through }: Wire,
  targets: readonly Site[],
  question: Question,
  passing: Passing,
): ReadonlyMap<Site, Promise<Reply>> {
  if (!targets.some(({ kind, via }) => via !== undefined || kind === 'coordinator')) return NONE;
  const replies = new Map<Site, Promise<Reply>>();
  for (const site of targets)
    if (site.kind === 'coordinator') replies.set(site, Promise.resolve(unknown(site)));
  const groups = Map.groupBy(targets, ({ via }) => via?.coordinator);
  for (const [coordinator, sites] of groups) {
    if (coordinator === undefined) continue;
    if (through === undefined)
      throw new LogicError('internal', 'sites behind a coordinator, and no way to ask them');
    const asked = askThrough({ ...through, world }, { coordinator, sites }, { question, passing });
    for (const [i, site] of sites.entries()) replies.set(site, asked[i] as Promise<Reply>);
  }
  return replies;
}

/** A coordinator that has never told which sites it has cannot be counted by them. */
function unknown(site: Site): Reply {
  const error = new LogicError(
    'unreachable',
    'its sites are not known yet: it has sent no roster, or an empty one',
  );
  return { site, ms: 0, kind: 'none', outcome: 'unreachable', error };
}
