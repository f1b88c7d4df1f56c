/** `alerts.json` of the data folder: who is told of alerts. Read once, at start. */
import { join } from 'node:path';
import { ALERTS_FILE_BYTES, WEBHOOKS } from '@fleet/shared/limits.ts';
import { readSettings } from '@fleet/shared/settings.ts';
import { z } from 'zod';

const settings = z.strictObject({
  webhooks: z
    .array(z.strictObject({ url: z.url({ protocol: /^https?$/ }) }))
    .max(WEBHOOKS)
    .default([]),
});
type AlertSettings = z.infer<typeof settings>;

/** No file is no webhooks. Throws `bad_setup` with what is wrong. */
export function readAlertSettings(data: string): AlertSettings {
  return readSettings(join(data, 'alerts.json'), ALERTS_FILE_BYTES, settings) ?? { webhooks: [] };
}
