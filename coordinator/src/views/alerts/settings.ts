/** `fleet-alerts.json` of the data folder: the queries that alert, and who is told. Read once, at start. */
import { SEVERITIES } from '@fleet/shared/api/alerts.ts';
import { siteName } from '@fleet/shared/api/ask.ts';
import { FLEET_ALERTS, FLEET_ALERTS_FILE_BYTES, WEBHOOKS } from '@fleet/shared/limits.ts';
import { badSettings, readSettings } from '@fleet/shared/settings.ts';
import { z } from 'zod';

const alert = z.strictObject({
  /** Alertmanager's `alertname`. */
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'a name has letters, digits, - and _'),
  query: z.string().min(1),
  severity: z.enum(SEVERITIES).default('warning'),
  sites: z.array(siteName).min(1).optional(),
  where: z.string().min(1).optional(),
  webhooks: z
    .array(z.strictObject({ url: z.url({ protocol: /^https?$/ }) }))
    .max(WEBHOOKS)
    .default([]),
});
export type AlertDefinition = z.infer<typeof alert>;

/** No file is no alert. Throws `bad_setup` with what is wrong. */
export function readFleetAlerts(file: string): readonly AlertDefinition[] {
  const read = readSettings(file, FLEET_ALERTS_FILE_BYTES, z.array(alert).max(FLEET_ALERTS)) ?? [];
  const names = read.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw badSettings(file, `two alerts are named ${twice}`);
  return read;
}
