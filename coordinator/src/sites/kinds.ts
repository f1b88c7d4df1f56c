/** What answers at a site: a logic node, a stock Pengine server without an agent, or a coordinator with sites of its own. */
export const SITE_KINDS = ['node', 'stock', 'coordinator'] as const;
export type SiteKind = (typeof SITE_KINDS)[number];
