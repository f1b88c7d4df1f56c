/**
 * Which collectors a site runs: what `--collector` says, and what collectors.json adds.
 */
import { HOST_COLLECT_MS } from '@fleet/shared/limits.ts';
import { hostLabel, type SiteConfig } from '../../config.ts';
import type { Inventory } from '../../inventory.ts';
import type { CollectorPlan } from '../collectors.ts';
import { hostCollector } from './host.ts';
import { sampleCollector } from './sample.ts';
import { readCollectorPlans } from './settings.ts';

/** Throws `bad_setup` for a collectors.json that cannot be read. */
export function collectorPlans(config: SiteConfig, inventory: Inventory): CollectorPlan[] {
  return [...ownPlans(config, inventory), ...readCollectorPlans(config.data, inventory)];
}

function ownPlans({ collector, data, seed }: SiteConfig, inventory: Inventory): CollectorPlan[] {
  const paced = { everyMs: HOST_COLLECT_MS, timeoutMs: HOST_COLLECT_MS };
  if (collector === 'sample') return [{ collector: sampleCollector(inventory, seed), ...paced }];
  if (collector === 'none') return [];
  return [{ collector: hostCollector({ self: inventory.logicNode ?? hostLabel(), data }), ...paced }];
}
